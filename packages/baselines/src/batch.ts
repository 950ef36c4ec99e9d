import { check, integer } from '@protomem/core';
import { unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** A batch that fits the head. */
export interface Batch {
  /** B identities. */
  readonly labels: readonly number[];
  /** Embeddings at unit length, `[B, D]`; differentiable. */
  readonly unit: tf.Tensor2D;
  /** Lengths that they had (at least 1e-6), `[B]`; differentiable. */
  readonly norms: tf.Tensor1D;
}

/**
 * Checks a batch and scales its embeddings to unit length.
 *
 * @param identities labels are below it; any safe integer when left out
 * @returns tensors are the surrounding tidy's
 */
export function toBatch(
  where: string,
  embeddings: tf.Tensor2D,
  labels: ArrayLike<number>,
  dimension: number,
  identities?: number,
): Batch {
  checkRows(where, 'embeddings', embeddings, dimension);
  check(labels.length === embeddings.shape[0], () => ({
    where,
    what: 'number of labels',
    got: labels.length,
    expected: `${embeddings.shape[0]}, one for each embedding`,
  }));
  const last = identities === undefined ? undefined : identities - 1;
  return {
    labels: Array.from(labels, (label, i) => integer(where, `label ${i}`, label, 0, last)),
    unit: unitRows(embeddings),
    norms: tf.sqrt(tf.maximum(tf.sum(tf.square(embeddings), 1), 1e-12)),
  };
}

/** Refuses what is not float32 `[n, dimension]` with at least one row. */
export function checkRows(where: string, what: string, x: tf.Tensor2D, dimension: number): void {
  check(x.rank === 2 && x.shape[0] > 0 && x.shape[1] === dimension, () => ({
    where,
    what: `shape of ${what}`,
    got: x.shape,
    expected: `[B, ${dimension}]`,
  }));
  check(x.dtype === 'float32', () => ({ where, what: `dtype of ${what}`, got: x.dtype, expected: 'float32' }));
}

/** For each image the next one of its identity, the first one after the last; itself when it is the only one. */
export function nextOfIdentity(labels: readonly number[]): Int32Array {
  const first = new Map<number, number>();
  const latest = new Map<number, number>();
  const next = Int32Array.from(labels, (_, i) => i);
  labels.forEach((label, i) => {
    const before = latest.get(label);
    if (before === undefined) first.set(label, i);
    else next[before] = i;
    next[i] = first.get(label)!;
    latest.set(label, i);
  });
  return next;
}
