import { check, type TensorData } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import { rowDots, unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { checkEmbeddings } from './batch.ts';

/** The column that a head has for an identity against a prototype that the present encoder makes of it. */
export interface StalenessProbe {
  readonly id: number;
  /** Steps since images of the identity last shaped its column; 0: in the last step. */
  readonly age: number;
  readonly cosine: number;
}

/** Columns of about the same age. */
export interface StalenessPoint {
  /** Mean age, steps. */
  readonly age: number;
  /** Mean cosine between a column and the prototype that the present encoder makes. */
  readonly cosine: number;
  /** Columns looked at. */
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
 * @param dimension D
 * @param find the column of an identity; undefined when there is none
 * @param gather these rows, `[n, D]`, at unit length; the surrounding tidy's
 */
export function probeStaleness(
  where: string,
  fresh: tf.Tensor2D,
  ids: ArrayLike<number>,
  dimension: number,
  find: (id: number) => KeptColumn | undefined,
  gather: (rows: readonly number[]) => tf.Tensor2D,
): StalenessProbe[] {
  checkEmbeddings(where, 'fresh', fresh, dimension);
  check(ids.length === fresh.shape[0], () => ({
    where,
    what: 'number of ids',
    got: ids.length,
    expected: `${fresh.shape[0]}, one for each prototype`,
  }));
  const kept = Array.from(ids, find);
  const cosines = tf.tidy(() => {
    const rows = kept.map((column) => column?.row ?? 0);
    return rowDots(gather(rows), unitRows(fresh)).dataSync();
  });
  return kept.flatMap((column, i) => (column ? [{ id: ids[i]!, age: column.age, cosine: cosines[i]! }] : []));
}

const BINS_PER_OCTAVE = 4;
/** Ages from 1 to 2^32 steps. */
const BINS = 32 * BINS_PER_OCTAVE;

/**
 * A staleness curve as it is gathered: cosine against age, in bins that widen with age (four to a doubling; age 0 has
 * its own). Its size is fixed.
 */
export class StalenessBins {
  /** Of what {@link state} returns. */
  static readonly shape: readonly [number, number] = [BINS, 3];
  /** For age 0 and then for each bin: count, sum of ages, sum of cosines. */
  private readonly sums = new Float64Array(3 * (1 + BINS));

  add(age: number, cosine: number): void {
    const bin = age > 0 ? 1 + Math.min(BINS - 1, Math.floor(BINS_PER_OCTAVE * Math.log2(age))) : 0;
    this.sums[3 * bin]! += 1;
    this.sums[3 * bin + 1]! += age;
    this.sums[3 * bin + 2]! += cosine;
  }

  /** The bins that hold something, the youngest first. */
  curve(): StalenessPoint[] {
    const points: StalenessPoint[] = [];
    for (let at = 0; at < this.sums.length; at += 3) {
      const count = this.sums[at]!;
      if (count > 0) points.push({ age: this.sums[at + 1]! / count, cosine: this.sums[at + 2]! / count, count });
    }
    return points;
  }

  reset(): void {
    this.sums.fill(0);
  }

  /** All bins but that of age 0, `[bins, 3]`: for a head that looks at columns before it writes them, none that young. */
  state(): TensorData {
    return { dtype: 'F64', shape: StalenessBins.shape, data: this.sums.slice(3) };
  }

  restore(saved: Float64Array): void {
    this.reset();
    this.sums.set(saved, 3);
  }
}

/**
 * The staleness curve of probes: mean cosine against age, in the bins of {@link StalenessBins}.
 *
 * @example
 * ```ts
 * const curve = stalenessCurve(head.stalenessProbe(prototypes, ids));
 * ```
 */
export function stalenessCurve(probes: readonly StalenessProbe[]): StalenessPoint[] {
  const bins = new StalenessBins();
  for (const { age, cosine } of probes) bins.add(age, cosine);
  return bins.curve();
}
