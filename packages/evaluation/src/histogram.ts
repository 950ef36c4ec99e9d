import { check, integer } from '@protomem/core';

/** Counts in bins of equal width: bin i covers [edges[i], edges[i + 1]), the last one its upper edge too. */
export interface Histogram {
  /** bins + 1 numbers. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/**
 * Counts values in `bins` equal bins over [low, high]; values outside are counted in the first or the last bin, so that
 * the counts always add up to the number of values.
 *
 * @example
 * ```ts
 * histogram([0.1, 0.2, 0.9], 2, 0, 1); // { edges: [0, 0.5, 1], counts: [2, 1] }
 * ```
 */
export function histogram(values: ArrayLike<number>, bins: number, low: number, high: number): Histogram {
  integer('histogram', 'bins', bins, 1);
  check(Number.isFinite(low) && Number.isFinite(high) && low < high, () => ({
    where: 'histogram',
    what: 'range',
    got: [low, high],
    expected: 'two finite numbers, the lower first',
  }));
  const edges = Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins);
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor(((values[i]! - low) / (high - low)) * bins);
    counts[Math.min(bins - 1, Math.max(0, bin))]!++;
  }
  return { edges, counts };
}
