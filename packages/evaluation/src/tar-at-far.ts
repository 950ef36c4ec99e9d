import { number } from '@protomem/core';
import { type RocCurve, rocCurve } from './roc-curve.ts';

/** True accept rate at a false accept rate. */
export interface TarAtFar {
  /** The target. */
  readonly far: number;
  /** False when the target is below one false match among all pairs of different people: nothing can be said then. */
  readonly reachable: boolean;
  /** Share of same-person pairs accepted; null when the target is unreachable. */
  readonly tar: number | null;
  /** Pairs with `score >= threshold` are accepted; null when the target is unreachable. */
  readonly threshold: number | null;
  /** The false accept rate at that threshold, <= far; null when the target is unreachable. */
  readonly actualFar: number | null;
  /** Binomial: sqrt(tar (1 - tar) / positives). Leaves out that the threshold is estimated too: see {@link bootstrapError}. */
  readonly standardError: number | null;
}

/**
 * TAR at a FAR, exact and conservative: the lowest threshold, over all of them, whose false accept rate does not exceed
 * the target. No interpolation and no grid. A target below `1 / negatives` is unreachable: with no false match allowed,
 * the list cannot tell that rate from any smaller one, and a figure would be read as if it could.
 *
 * @param scores of the pairs, higher means more alike.
 * @param labels 1 for the same person, 0 for different people.
 * @param far the target, in (0, 1].
 * @throws ProtomemError on scores that are not finite, labels other than 0 and 1, or only one kind of pair.
 *
 * @example
 * ```ts
 * tarAtFar(Float64Array.of(0.9, 0.6, 0.7, 0.1), Uint8Array.of(1, 1, 0, 0), 0.5);
 * // { far: 0.5, reachable: true, tar: 1, threshold: 0.6, actualFar: 0.5, standardError: 0 }
 * ```
 *
 * Differs from the IJB scripts, which take the point with the *nearest* FAR (it may exceed the target), and from
 * InsightFace's, which interpolates a grid of thresholds.
 */
export function tarAtFar(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, far: number): TarAtFar {
  return tarOfCurve(rocCurve(scores, labels), far);
}

/** {@link tarAtFar} on a curve that is at hand. */
export function tarOfCurve(curve: RocCurve, far: number): TarAtFar {
  number('tarAtFar', 'far', far, 0, 1);
  if (far < 1 / curve.negatives) {
    return { far, reachable: false, tar: null, threshold: null, actualFar: null, standardError: null };
  }
  let i = curve.far.length - 1;
  while (curve.far[i]! > far) i--;
  const tar = curve.tar[i]!;
  return {
    far,
    reachable: true,
    tar,
    threshold: curve.thresholds[i]!,
    actualFar: curve.far[i]!,
    standardError: Math.sqrt((tar * (1 - tar)) / curve.positives),
  };
}

/**
 * The threshold to deploy for a false accept rate: pairs with `score >= threshold` are accepted, and at most the share
 * `far` of the pairs of different people are. Null when the list has too few of them to tell (fewer than `1 / far`).
 * Infinity when every score above which the rate holds is absent (ties at the top).
 */
export function thresholdAtFar(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  far: number,
): number | null {
  return tarAtFar(scores, labels, far).threshold;
}
