import { check } from '@protomem/core';
import { splitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** The distinct identities of a batch, in order of first appearance, and which images are whose. */
export interface Groups {
  /** C identities. */
  readonly ids: readonly number[];
  /** The images of each identity, C lists in ascending order. */
  readonly images: readonly (readonly number[])[];
  /** The group of each of the B images. */
  readonly groupOf: Int32Array;
  /** The place of each image among those of its identity: 0, 1, ... */
  readonly placeOf: Int32Array;
}

/** A batch that fits the head. */
export interface Batch {
  /** B identities. */
  readonly labels: readonly number[];
  readonly groups: Groups;
  /** Embeddings at unit length, `[B, D]`; differentiable. */
  readonly unit: tf.Tensor2D;
  /** Lengths that they had, `[B]`; differentiable. */
  readonly norms: tf.Tensor1D;
}

/**
 * Checks a batch, groups its labels and scales its embeddings to unit length.
 *
 * @param where the function, for messages
 * @param dimension D, width of an embedding
 * @param identities labels are below it; any safe integer when left out
 * @returns tensors are the surrounding tidy's
 * @throws ProtomemError when embeddings are not float32 `[B, D]`, or labels not B integers in their range
 */
export function readBatch(
  where: string,
  embeddings: tf.Tensor2D,
  labels: ArrayLike<number>,
  dimension: number,
  identities?: number,
): Batch {
  checkEmbeddings(where, 'embeddings', embeddings, dimension);
  return {
    labels: Array.from(labels),
    groups: groupLabels(where, labels, embeddings.shape[0], identities),
    ...splitRows(embeddings),
  };
}

/** Refuses what is not float32 `[B, dimension]` with at least one row. */
export function checkEmbeddings(where: string, what: string, x: tf.Tensor2D, dimension: number): void {
  check(x.rank === 2 && x.shape[0] > 0 && x.shape[1] === dimension, () => ({
    where,
    what: `shape of ${what}`,
    got: x.shape,
    expected: `[B, ${dimension}], B >= 1`,
  }));
  check(x.dtype === 'float32', () => ({ where, what: `dtype of ${what}`, got: x.dtype, expected: 'float32' }));
}

/**
 * Groups a batch's labels.
 *
 * @param images B
 * @param identities labels are below it; any safe integer when left out
 * @throws ProtomemError when there are not B labels, or one is no integer in its range
 */
export function groupLabels(
  where: string,
  labels: ArrayLike<number>,
  images: number,
  identities = Number.MAX_SAFE_INTEGER + 1,
): Groups {
  check(labels.length === images, () => ({
    where,
    what: 'number of labels',
    got: labels.length,
    expected: `${images}, one for each embedding`,
  }));
  const groups = new Map<number, number>();
  const ids: number[] = [];
  const imagesOf: number[][] = [];
  const groupOf = new Int32Array(images);
  const placeOf = new Int32Array(images);
  for (let i = 0; i < images; i++) {
    const id = labels[i]!;
    check(Number.isSafeInteger(id) && id >= 0 && id < identities, () => ({
      where,
      what: `label ${i} of ${images}`,
      got: id,
      expected: identities === 2 ** 53 ? 'an integer in [0, 2^53)' : `an integer in [0, ${identities - 1}]`,
    }));
    let group = groups.get(id);
    if (group === undefined) {
      group = ids.length;
      groups.set(id, group);
      ids.push(id);
      imagesOf.push([]);
    }
    groupOf[i] = group;
    placeOf[i] = imagesOf[group]!.push(i) - 1;
  }
  return { ids, images: imagesOf, groupOf, placeOf };
}

/** 1 where an image (column) is of an identity (row), else 0: `[C, B]`, float32; the caller's. */
export function membership({ ids, groupOf }: Groups): tf.Tensor2D {
  const images = groupOf.length;
  const members = new Float32Array(ids.length * images);
  groupOf.forEach((group, i) => {
    members[group * images + i] = 1;
  });
  return tf.tensor2d(members, [ids.length, images]);
}

/** For each image the next one of its identity, the first one after the last; itself when it is the only one. */
export function nextOfIdentity({ images, groupOf, placeOf }: Groups): Int32Array {
  return groupOf.map((group, i) => {
    const own = images[group]!;
    return own[(placeOf[i]! + 1) % own.length]!;
  });
}
