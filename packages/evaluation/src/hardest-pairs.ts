import { integer } from '@protomem/core';
import { checkPairs } from './check-pairs.ts';
import { descending } from './roc-curve.ts';

/** Positions in the list of pairs, worst first. */
export interface HardestPairs {
  /** Different people with the highest scores. */
  readonly falseMatches: readonly number[];
  /** The same person with the lowest scores. */
  readonly falseNonMatches: readonly number[];
}

/**
 * The pairs that an encoder gets most wrong, to be looked at. Ties keep the order of the list.
 *
 * @param count how many of each kind at most. Default 8.
 * @param threshold when given, only errors at this threshold are returned: `score >= threshold` means the same person.
 *
 * @example
 * ```ts
 * hardestPairs(Float64Array.of(0.9, 0.1, 0.8), Uint8Array.of(1, 1, 0), 1); // { falseMatches: [2], falseNonMatches: [1] }
 * ```
 */
export function hardestPairs(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  count = 8,
  threshold?: number,
): HardestPairs {
  checkPairs('hardestPairs', scores, labels);
  integer('hardestPairs', 'count', count, 0);
  const order = [...descending(scores)];
  const wrong = (i: number): boolean => threshold === undefined || scores[i]! >= threshold !== Boolean(labels[i]);
  return {
    falseMatches: order.filter((i) => !labels[i] && wrong(i)).slice(0, count),
    falseNonMatches: order
      .sort((a, b) => scores[a]! - scores[b]! || a - b)
      .filter((i) => labels[i] && wrong(i))
      .slice(0, count),
  };
}
