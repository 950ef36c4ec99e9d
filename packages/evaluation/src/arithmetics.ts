/**
 * How tools that publish figures choose a threshold on the training folds and test it. On equal scores they differ by
 * about 0.02 % on LFW; each is here in the order of comparisons of its source, ties and all.
 */
export interface Arithmetic {
  /** Thresholds to try on training scores, in the order in which the first of several equally good ones wins. */
  candidates(training: Sorted): ArrayLike<number>;
  /** True when a pair counts as the same person. */
  accepts(score: number, threshold: number): boolean;
  /** True when a pair counts as different people: not always the opposite. */
  rejects(score: number, threshold: number): boolean;
  /** What is made as large as possible: the share of right answers, or TAR - FAR. Alike when there are as many of each kind. */
  readonly maximizes: 'accuracy' | 'youden';
}

/** Scores of pairs, highest first, and their labels. */
export interface Sorted {
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
}

export type ArithmeticName = 'insightface' | 'facex-zoo' | 'scikit-learn' | 'exact';

export const arithmetics: Readonly<Record<ArithmeticName, Arithmetic>> = {
  /**
   * Squared distances between unit vectors, |a - b|² = 2 - 2 cos, below one of 400 thresholds 0, 0.01, ... 3.99. Those
   * are given and taken here as cosines, 1 - t / 2.
   *
   * Source: InsightFace, recognition/arcface_torch/eval/verification.py, `calculate_roc`.
   */
  insightface: {
    candidates: () => Float64Array.from({ length: 400 }, (_, i) => 1 - (i * 0.01) / 2),
    accepts: (score, threshold) => score > threshold,
    rejects: (score, threshold) => score <= threshold,
    maximizes: 'accuracy',
  },
  /**
   * 1,000 steps between the lowest and the highest training score, lowest first; a pair that scores just the threshold
   * is wrong, whoever is on it. Its ± is {@link Verification.standardError}.
   *
   * Source: FaceX-Zoo, test_protocol/lfw/lfw_evaluator.py, `getThreshold`.
   */
  'facex-zoo': {
    candidates({ scores }) {
      const low = scores.at(-1)!;
      const step = (scores[0]! - low) / 1000;
      return Float64Array.from({ length: 1000 }, (_, i) => low + step * (i + 1));
    },
    accepts: (score, threshold) => score > threshold,
    rejects: (score, threshold) => score < threshold,
    maximizes: 'youden',
  },
  /**
   * The points of `roc_curve`, which are scores themselves after an infinite one; the first with the largest TPR - FPR.
   *
   * Source: scikit-learn, sklearn/metrics/_ranking.py, `roc_curve`; and its `KFold`.
   */
  'scikit-learn': {
    candidates: ({ scores }) => [Number.POSITIVE_INFINITY, ...new Set(scores)],
    accepts: (score, threshold) => score >= threshold,
    rejects: (score, threshold) => score < threshold,
    maximizes: 'youden',
  },
  /** Every threshold that makes a difference, midway between scores; of equally good ones the highest. */
  exact: {
    candidates: ({ scores }) => midpoints(scores),
    accepts: (score, threshold) => score >= threshold,
    rejects: (score, threshold) => score < threshold,
    maximizes: 'accuracy',
  },
};

/** The candidate that does best on sorted training scores, and the share of pairs it gets right. */
export function chooseThreshold(
  training: Sorted,
  { candidates, accepts, rejects, maximizes }: Arithmetic,
): { readonly threshold: number; readonly accuracy: number } {
  const { scores, labels } = training;
  const count = scores.length;
  // How many same and different pairs are among the first k: what any threshold gets right follows from two places.
  const same = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) same[i + 1] = same[i]! + labels[i]!;
  const positives = same[count]!;
  const negatives = count - positives;
  const tried = candidates(training);
  const [ofSame, ofDifferent] = maximizes === 'accuracy' ? [1, 1] : [positives, negatives];
  let [best, threshold, accuracy] = [Number.NEGATIVE_INFINITY, Number.NaN, 0];
  for (let i = 0; i < tried.length; i++) {
    const limit = tried[i]!;
    const accepted = firstWhere(count, (k) => !accepts(scores[k]!, limit));
    const trueAccepts = same[accepted]!;
    const falseAccepts = accepted - trueAccepts;
    const gain = trueAccepts / ofSame - falseAccepts / ofDifferent;
    if (gain <= best) continue;
    const rejected = firstWhere(count, (k) => rejects(scores[k]!, limit));
    best = gain;
    threshold = limit;
    accuracy = (trueAccepts + negatives - (rejected - same[rejected]!)) / count;
  }
  return { threshold, accuracy };
}

/** Share of pairs that a threshold gets right. */
export function rightAt(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  threshold: number,
  { accepts, rejects }: Arithmetic,
): number {
  let right = 0;
  for (let i = 0; i < scores.length; i++) if ((labels[i] ? accepts : rejects)(scores[i]!, threshold)) right++;
  return right / scores.length;
}

/** The first place of `count` where something holds that holds from there on; `count` when nowhere. */
function firstWhere(count: number, holds: (place: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
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
