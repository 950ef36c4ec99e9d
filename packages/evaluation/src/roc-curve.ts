import { checkPairs } from './check-pairs.ts';

/**
 * A ROC curve: point i says what happens when pairs with `score >= thresholds[i]` are accepted. One point for each
 * distinct score, highest first, after a first point (Infinity, 0, 0) that accepts nothing; the last accepts everything.
 */
export interface RocCurve {
  readonly thresholds: Float64Array;
  /** False accept rate: accepted share of the pairs of different people; never falls. */
  readonly far: Float64Array;
  /** True accept rate: accepted share of the pairs of the same person; never falls. */
  readonly tar: Float64Array;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * The whole ROC curve, with no grid and no dropped points. Tied scores make one point: they cannot be told apart.
 *
 * @param scores of the pairs, higher means more alike.
 * @param labels 1 for the same person, 0 for different people.
 * @throws ProtomemError on scores that are not finite, labels other than 0 and 1, or only one kind of pair.
 *
 * @example
 * ```ts
 * const { far, tar } = rocCurve(Float64Array.of(0.9, 0.2, 0.4), Uint8Array.of(1, 0, 0));
 * // far: 0, 0, 0.5, 1   tar: 0, 1, 1, 1
 * ```
 */
export function rocCurve(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>): RocCurve {
  const { positives, negatives } = checkPairs('rocCurve', scores, labels);
  const order = descending(scores);
  const thresholds = [Number.POSITIVE_INFINITY];
  const far = [0];
  const tar = [0];
  let falseAccepts = 0;
  let trueAccepts = 0;
  for (let i = 0; i < order.length; i++) {
    const score = scores[order[i]!]!;
    if (labels[order[i]!]) trueAccepts++;
    else falseAccepts++;
    if (i + 1 < order.length && scores[order[i + 1]!] === score) continue;
    thresholds.push(score);
    far.push(falseAccepts / negatives);
    tar.push(trueAccepts / positives);
  }
  return {
    thresholds: Float64Array.from(thresholds),
    far: Float64Array.from(far),
    tar: Float64Array.from(tar),
    positives,
    negatives,
  };
}

/** Area under the curve by trapezoids: the chance that a same-person pair outscores a different one, ties counting half. */
export function areaUnderCurve({ far, tar }: Pick<RocCurve, 'far' | 'tar'>): number {
  let area = 0;
  for (let i = 1; i < far.length; i++) area += ((far[i]! - far[i - 1]!) * (tar[i]! + tar[i - 1]!)) / 2;
  return area;
}

/**
 * The rate at which false accepts equal false rejects, and its threshold. Where the steps of the curve jump over the
 * crossing, both are interpolated linearly between the two points beside it.
 */
export function equalErrorRate(curve: RocCurve): { readonly rate: number; readonly threshold: number } {
  const { far, tar, thresholds } = curve;
  const difference = (i: number): number => far[i]! - (1 - tar[i]!);
  let i = 1;
  while (difference(i) < 0) i++;
  const part = difference(i - 1) / (difference(i - 1) - difference(i));
  const rate = far[i - 1]! + part * (far[i]! - far[i - 1]!);
  const above = thresholds[i - 1]!;
  const threshold = above === Number.POSITIVE_INFINITY ? thresholds[i]! : above + part * (thresholds[i]! - above);
  return { rate, threshold };
}

/** Indices of the scores, highest first. */
export function descending(scores: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
}
