import { integer } from '@protomem/core';
import { checkPairs } from './check-pairs.ts';

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
  const wrong = (i: number): boolean => threshold === undefined || scores[i]! >= threshold !== Boolean(labels[i]);
  // A short list that each pair may enter: sorting millions for a few would take seconds.
  const worst = (same: boolean, worse: (a: number, b: number) => boolean): number[] => {
    const kept: number[] = [];
    for (let i = 0; i < scores.length; i++) {
      if (Boolean(labels[i]) !== same || !wrong(i)) continue;
      let place = kept.length;
      while (place > 0 && worse(scores[i]!, scores[kept[place - 1]!]!)) place--;
      if (place === count) continue;
      kept.splice(place, 0, i);
      if (kept.length > count) kept.pop();
    }
    return kept;
  };
  return {
    falseMatches: worst(false, (a, b) => a > b),
    falseNonMatches: worst(true, (a, b) => a < b),
  };
}
