import { check } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import { unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { checkRows } from './batch.ts';

/** The column that a head has for an identity against a prototype that the present encoder makes of it. */
export interface StalenessProbe {
  readonly id: number;
  /** Steps since images of the identity last shaped its column; 0: in the last step. */
  readonly age: number;
  readonly cosine: number;
}

/** Probes of about the same age. */
export interface StalenessPoint {
  /** Mean age, steps. */
  readonly age: number;
  /** Mean cosine. */
  readonly cosine: number;
  /** Probes. */
  readonly count: number;
}

/** A head with columns that outlive a step, so that they can be stale. `PrototypeMemory` answers the same way. */
export interface ObservableHead extends Head {
  /**
   * How far the head's columns are from prototypes that the present encoder makes. Changes nothing that `loss` will
   * see; call it between steps, when their backward pass is done.
   *
   * @param fresh `[C, D]`, float32, not necessarily at unit length; stays the caller's
   * @param ids C identities; those without a column, or never met, are left out of the answer
   */
  stalenessProbe(fresh: tf.Tensor2D, ids: ArrayLike<number>): StalenessProbe[];
}

/** Where a head keeps the column of an identity. */
export interface KeptColumn {
  readonly row: number;
  readonly age: number;
}

/**
 * Answers {@link ObservableHead.stalenessProbe}.
 *
 * @param find the column of an identity; undefined when there is none
 * @param gather these rows, `[n, D]`, of any length; the surrounding tidy's
 */
export function probeStaleness(
  where: string,
  fresh: tf.Tensor2D,
  ids: ArrayLike<number>,
  dimension: number,
  find: (id: number) => KeptColumn | undefined,
  gather: (rows: readonly number[]) => tf.Tensor2D,
): StalenessProbe[] {
  checkRows(where, 'fresh', fresh, dimension);
  check(ids.length === fresh.shape[0], () => ({
    where,
    what: 'number of ids',
    got: ids.length,
    expected: `${fresh.shape[0]}, one for each prototype`,
  }));
  const kept = Array.from(ids, find);
  const cosines = tf.tidy(() => {
    const rows = kept.map((column) => column?.row ?? 0);
    return tf.sum(tf.mul(unitRows(gather(rows)), unitRows(fresh)), 1).dataSync();
  });
  return kept.flatMap((column, i) => (column ? [{ id: ids[i]!, age: column.age, cosine: cosines[i]! }] : []));
}

/**
 * The staleness curve of probes: mean cosine against age, in bins that widen with age (four to a doubling; age 0 has its
 * own).
 *
 * @example
 * ```ts
 * const curve = stalenessCurve(head.stalenessProbe(prototypes, ids));
 * ```
 */
export function stalenessCurve(probes: readonly StalenessProbe[]): StalenessPoint[] {
  const bins = new Map<number, StalenessProbe[]>();
  for (const probe of probes) {
    const bin = probe.age > 0 ? Math.floor(4 * Math.log2(probe.age)) : -1;
    const members = bins.get(bin);
    if (members) members.push(probe);
    else bins.set(bin, [probe]);
  }
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return [...bins]
    .sort(([a], [b]) => a - b)
    .map(([, members]) => ({
      age: mean(members.map(({ age }) => age)),
      cosine: mean(members.map(({ cosine }) => cosine)),
      count: members.length,
    }));
}
