import { check, integer, lookUp } from '@protomem/core';
import { checkPairs } from './check-pairs.ts';
import { descending } from './roc-curve.ts';

/** How pairs are dealt into folds. */
export type FoldSplit = 'contiguous' | 'interleaved';

export interface VerificationOptions {
  /** Number of folds, >= 2. Default 10. */
  readonly folds?: number;
  /**
   * `contiguous`: equal blocks in list order, as LFW View 2 lists its folds (the first ones take what is left over).
   * `interleaved`: the i-th pair of its kind goes to fold i mod folds: for lists that are not in folds, such as
   * View 1, where all same-person pairs come first. Default `contiguous`.
   */
  readonly split?: FoldSplit;
  /** Thresholds to choose from, highest first. Default: every one that makes a difference ({@link bestThreshold}). */
  readonly thresholds?: ArrayLike<number>;
}

/** One fold: the threshold is chosen on the others. */
export interface VerificationFold {
  readonly threshold: number;
  /** On the other folds, at that threshold. */
  readonly trainAccuracy: number;
  /** On this fold, at that threshold. */
  readonly accuracy: number;
  readonly pairs: number;
}

/** Cross-validated verification accuracy. All rates are 0 ... 1. */
export interface Verification {
  /** Mean over the folds. */
  readonly accuracy: number;
  /** Between folds, ddof = 0: what InsightFace prints after the ± sign. */
  readonly standardDeviation: number;
  /** Of the mean: s / sqrt(folds) with s between folds, ddof = 1; what the LFW results page asks for. */
  readonly standardError: number;
  /** sqrt(accuracy (1 - accuracy) / pairs): from the number of pairs alone. */
  readonly binomialError: number;
  readonly folds: readonly VerificationFold[];
}

/** A threshold and the share of pairs it gets right. */
export interface BestThreshold {
  /** Pairs with `score >= threshold` are called the same person. */
  readonly threshold: number;
  readonly accuracy: number;
}

/**
 * Verification accuracy by k-fold cross-validation, the arithmetic of LFW View 2: for each fold the threshold that is
 * best on the other k - 1 folds is tested on it.
 *
 * Thresholds are exact, not from a grid: see {@link bestThreshold}. Published figures mostly come from InsightFace's
 * grid: pass `thresholds: insightFaceThresholds()` to compare with them. The two differ by a pair or so on LFW (0.02 %).
 *
 * @param scores of the pairs, higher means more alike.
 * @param labels 1 for the same person, 0 for different people.
 * @throws ProtomemError on bad scores or labels, more folds than pairs, or a training part with one kind of pair only.
 *
 * @example
 * ```ts
 * const view2 = verification(scores, labels); // 6,000 pairs in 10 blocks
 * const devTest = verification(scores, labels, { split: 'interleaved' });
 * console.log(`${(100 * view2.accuracy).toFixed(2)} ± ${(100 * view2.standardError).toFixed(2)} %`);
 * ```
 *
 * Source: Huang et al., "Labeled Faces in the Wild", 2007, sections on View 1 and View 2.
 */
export function verification(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  options: VerificationOptions = {},
): Verification {
  const { folds: count = 10, split = 'contiguous', thresholds } = options;
  checkPairs('verification', scores, labels);
  integer('verification', 'folds', count, 2, scores.length);
  const foldOf = lookUp('verification', 'split', splits, split)(labels, count);
  // Sorted once: whatever is left out, the rest stays in order.
  const order = descending(scores);
  const sorted = inOrder(scores, labels, order);
  const folds = Array.from({ length: count }, (_, fold): VerificationFold => {
    const [inside, outside] = divide(sorted, foldOf, order, fold);
    const best = bestOfSorted(outside.scores, outside.labels, thresholds);
    return {
      threshold: best.threshold,
      trainAccuracy: best.accuracy,
      accuracy: accuracyAt(inside.scores, inside.labels, best.threshold),
      pairs: inside.scores.length,
    };
  });
  const accuracy = folds.reduce((sum, fold) => sum + fold.accuracy, 0) / count;
  const squares = folds.reduce((sum, fold) => sum + (fold.accuracy - accuracy) ** 2, 0);
  return {
    accuracy,
    standardDeviation: Math.sqrt(squares / count),
    standardError: Math.sqrt(squares / (count - 1) / count),
    binomialError: Math.sqrt((accuracy * (1 - accuracy)) / scores.length),
    folds,
  };
}

/**
 * The threshold with the highest accuracy: midway between two neighbouring distinct scores, the highest one where
 * several are equally good (of two equal choices the one that takes fewer strangers for the same person). Infinity
 * when it is best to accept nothing.
 *
 * @param thresholds to choose from instead, highest first; at least one.
 *
 * @example
 * ```ts
 * bestThreshold(Float64Array.of(0.8, 0.6, 0.2), Uint8Array.of(1, 1, 0)); // { threshold: 0.4, accuracy: 1 }
 * ```
 */
export function bestThreshold(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  thresholds?: ArrayLike<number>,
): BestThreshold {
  const sorted = inOrder(scores, labels, descending(scores));
  return bestOfSorted(sorted.scores, sorted.labels, thresholds);
}

/** {@link bestThreshold} of pairs with the highest score first. */
function bestOfSorted(scores: Float64Array, labels: Uint8Array, thresholds?: ArrayLike<number>): BestThreshold {
  const { negatives } = checkPairs('bestThreshold', scores, labels);
  const candidates = thresholds ?? midpoints(scores);
  check(candidates.length > 0, () => ({
    where: 'bestThreshold',
    what: 'thresholds',
    got: 'empty',
    expected: 'at least one number',
  }));
  let best = -1;
  let threshold = Number.POSITIVE_INFINITY;
  let accepted = 0;
  let correct = negatives;
  for (let i = 0; i < candidates.length; i++) {
    check(i === 0 || candidates[i]! < candidates[i - 1]!, () => ({
      where: 'bestThreshold',
      what: `thresholds[${i}]`,
      got: candidates[i],
      expected: `a number below the ${candidates[i - 1]} before it`,
    }));
    while (accepted < scores.length && scores[accepted]! >= candidates[i]!) correct += labels[accepted++] ? 1 : -1;
    if (correct > best) {
      best = correct;
      threshold = candidates[i]!;
    }
  }
  return { threshold, accuracy: best / scores.length };
}

/**
 * The 400 thresholds of InsightFace's `verification.py`, highest first, as cosines: it tries squared distances
 * `t = 0, 0.01, ..., 3.99` between unit vectors, and `|a - b|^2 = 2 - 2 cos`, so `cos = 1 - t / 2`. It calls a pair the
 * same when its distance is *below* t; here a score *equal* to the threshold counts as the same too.
 */
export function insightFaceThresholds(): Float64Array {
  return Float64Array.from({ length: 400 }, (_, i) => 1 - i / 200);
}

/** Share of pairs that a threshold gets right: `score >= threshold` means the same person. */
export function accuracyAt(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, threshold: number): number {
  check(scores.length > 0 && scores.length === labels.length, () => ({
    where: 'accuracyAt',
    what: 'length of labels',
    got: labels.length,
    expected: `the ${scores.length} of scores, at least one`,
  }));
  let correct = 0;
  for (let i = 0; i < scores.length; i++) if (scores[i]! >= threshold === Boolean(labels[i])) correct++;
  return correct / scores.length;
}

/** Every threshold that makes a difference, highest first: above all scores, between distinct ones, and the lowest. */
function midpoints(scores: Float64Array): Float64Array {
  const thresholds = new Float64Array(scores.length + 1);
  thresholds[0] = Number.POSITIVE_INFINITY;
  let count = 1;
  for (let i = 1; i < scores.length; i++) {
    const [high, low] = [scores[i - 1]!, scores[i]!];
    const middle = low + (high - low) / 2;
    // Neighbouring doubles have nothing between them: the lower one must stay below the threshold.
    if (low < high) thresholds[count++] = middle > low ? middle : high;
  }
  thresholds[count++] = scores.at(-1)!;
  return thresholds.subarray(0, count);
}

const splits: Record<FoldSplit, (labels: ArrayLike<number | boolean>, count: number) => Int32Array> = {
  contiguous(labels, count) {
    const size = Math.floor(labels.length / count);
    const larger = labels.length % count;
    return Int32Array.from({ length: labels.length }, (_, i) => {
      const inLarger = Math.floor(i / (size + 1));
      return inLarger < larger ? inLarger : larger + Math.floor((i - larger * (size + 1)) / size);
    });
  },
  interleaved(labels, count) {
    const seen = [0, 0];
    return Int32Array.from({ length: labels.length }, (_, i) => seen[Number(labels[i])]!++ % count);
  },
};

interface Sorted {
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
}

function inOrder(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, order: Uint32Array): Sorted {
  const sorted = { scores: new Float64Array(order.length), labels: new Uint8Array(order.length) };
  for (let i = 0; i < order.length; i++) {
    sorted.scores[i] = scores[order[i]!]!;
    sorted.labels[i] = Number(labels[order[i]!]);
  }
  return sorted;
}

/** The pairs of a fold, and all others; each part stays sorted. */
function divide({ scores, labels }: Sorted, foldOf: Int32Array, order: Uint32Array, fold: number): [Sorted, Sorted] {
  const count = order.length;
  const parts = [0, 1].map(() => ({ scores: new Float64Array(count), labels: new Uint8Array(count), used: 0 }));
  for (let i = 0; i < count; i++) {
    const part = parts[foldOf[order[i]!] === fold ? 0 : 1]!;
    part.scores[part.used] = scores[i]!;
    part.labels[part.used++] = labels[i]!;
  }
  const cut = ({ scores, labels, used }: (typeof parts)[number]): Sorted => ({
    scores: scores.subarray(0, used),
    labels: labels.subarray(0, used),
  });
  return [cut(parts[0]!), cut(parts[1]!)];
}
