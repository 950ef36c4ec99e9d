import { integer, type Random } from '@protomem/core';
import { checkPairs } from './check-pairs.ts';

/**
 * Standard error of any measure by the bootstrap: pairs are drawn again with replacement, same and different ones
 * apart so that their numbers stay, and the spread of the measure over the draws is returned (ddof = 1). It covers
 * what the binomial formula leaves out: that the threshold at a FAR is itself estimated. Pairs are taken as
 * independent, though pairs that share a person are not.
 *
 * @param measure of scores and labels, such as `(s, l) => tarAtFar(s, l, 1e-2).tar`.
 * @param random where the draws come from.
 * @param draws >= 2. Default 200, which gives the error to about 5 % of itself.
 *
 * @example
 * ```ts
 * bootstrapError(scores, labels, (s, l) => tarAtFar(s, l, 1e-2).tar!, new Random(1));
 * ```
 *
 * Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 6.
 */
export function bootstrapError(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  measure: (scores: Float64Array, labels: Uint8Array) => number,
  random: Random,
  draws = 200,
): number {
  const { positives } = checkPairs('bootstrapError', scores, labels);
  integer('bootstrapError', 'draws', draws, 2);
  const values = Array.from(scores);
  const same = values.filter((_, i) => labels[i]);
  const different = values.filter((_, i) => !labels[i]);
  const drawnLabels = new Uint8Array(values.length).fill(1, 0, positives);
  const results = Array.from({ length: draws }, () =>
    measure(
      Float64Array.from(values, (_, i) =>
        i < positives ? same[random.below(positives)]! : different[random.below(different.length)]!,
      ),
      drawnLabels,
    ),
  );
  const mean = results.reduce((a, b) => a + b, 0) / draws;
  return Math.sqrt(results.reduce((sum, result) => sum + (result - mean) ** 2, 0) / (draws - 1));
}
