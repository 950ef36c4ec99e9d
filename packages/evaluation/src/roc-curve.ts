import { checkPairs, sortedByKind } from './check-pairs.ts';

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
  const { same, different } = sortedByKind(scores, labels);
  // Two walks from the highest score down, one to count the points: arrays that grow need several times the memory.
  const points = walk(same, different, () => undefined);
  const thresholds = new Float64Array(points + 1);
  const far = new Float64Array(points + 1);
  const tar = new Float64Array(points + 1);
  thresholds[0] = Number.POSITIVE_INFINITY;
  walk(same, different, (i, score, trueAccepts, falseAccepts) => {
    thresholds[i] = score;
    far[i] = falseAccepts / negatives;
    tar[i] = trueAccepts / positives;
  });
  return { thresholds, far, tar, positives, negatives };
}

/** Visits the distinct scores from the highest down, numbered from 1, with what has been accepted; returns their number. */
function walk(
  same: Float32Array | Float64Array,
  different: Float32Array | Float64Array,
  visit: (point: number, score: number, trueAccepts: number, falseAccepts: number) => void,
): number {
  let s = same.length;
  let d = different.length;
  let point = 0;
  while (s > 0 || d > 0) {
    const score = s > 0 && (d === 0 || same[s - 1]! >= different[d - 1]!) ? same[s - 1]! : different[d - 1]!;
    while (s > 0 && same[s - 1]! === score) s--;
    while (d > 0 && different[d - 1]! === score) d--;
    visit(++point, score, same.length - s, different.length - d);
  }
  return point;
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

/** The same errors as a curve of misses: what detection error trade-off plots draw, both axes by {@link probit}. */
export interface DetCurve {
  readonly thresholds: Float64Array;
  /** False accept rate. */
  readonly far: Float64Array;
  /** False reject rate: 1 - TAR. */
  readonly frr: Float64Array;
}

/**
 * The detection error trade-off curve of a ROC curve, point by point.
 *
 * Source: Martin et al., "The DET curve in assessment of detection task performance", 1997.
 *
 * @example
 * ```ts
 * const { far, frr } = detCurve(rocCurve(scores, labels));
 * const x = probit(far[5]!); // where a DET plot draws that point
 * ```
 */
export function detCurve({ thresholds, far, tar }: RocCurve): DetCurve {
  return { thresholds, far, frr: tar.map((rate) => 1 - rate) };
}

/** Indices of the scores, highest first. */
export function descending(scores: ArrayLike<number>): Uint32Array {
  // Numbers are sorted many times faster than positions by a comparison: each score then finds its place by halving.
  const sorted = Float64Array.from(scores).sort();
  const count = scores.length;
  const taken = new Uint32Array(count);
  const order = new Uint32Array(count);
  for (let i = count - 1; i >= 0; i--) {
    const score = scores[i]!;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle]! < score) low = middle + 1;
      else high = middle;
    }
    order[count - 1 - low - taken[low]!++] = i;
  }
  return order;
}
