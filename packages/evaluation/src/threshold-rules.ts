/**
 * How tools that publish figures choose a threshold on the training folds and test it. On equal scores they differ by
 * about 0.02 % on LFW; each is here in the order of comparisons of its source, ties and all.
 */
export interface ThresholdRule {
  /** Thresholds to try on training scores, highest first. */
  candidates(training: Sorted): ArrayLike<number>;
  /** True for thresholds at steps that do not follow the scores: these can be too few where the scores lie. */
  readonly grid: boolean;
  /** A score that equals the threshold is called the same, different, or neither: then it is wrong in any case. */
  readonly equal: 'same' | 'different' | 'neither';
  /** What is made as large as possible: the share of right answers, or TAR - FAR. Alike when there are as many of each kind. */
  readonly maximizes: 'accuracy' | 'youden';
  /** Which of several equally good thresholds wins. */
  readonly prefers: 'highest' | 'lowest';
}

/** Scores of pairs, highest first, and their labels. */
export interface Sorted {
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
}

export const thresholdRules = {
  /**
   * Squared distances between unit vectors, |a - b|² = 2 - 2 cos, below one of 400 thresholds 0, 0.01, ... 3.99. Those
   * are given and taken here as cosines, 1 - t / 2.
   *
   * Source: InsightFace, recognition/arcface_torch/eval/verification.py, `calculate_roc`.
   */
  insightface: {
    grid: true,
    candidates: () => Float64Array.from({ length: 400 }, (_, i) => 1 - (i * 0.01) / 2),
    equal: 'different',
    maximizes: 'accuracy',
    prefers: 'highest',
  },
  /**
   * 1,000 steps between the lowest and the highest training score; a pair that scores just the threshold
   * is wrong, whoever is on it. Its ± is {@link Verification.standardError}.
   *
   * Source: FaceX-Zoo, test_protocol/lfw/lfw_evaluator.py, `getThreshold`.
   */
  'facex-zoo': {
    grid: true,
    candidates({ scores }) {
      const low = scores.at(-1)!;
      const step = (scores[0]! - low) / 1000;
      return Float64Array.from({ length: 1000 }, (_, i) => low + step * (1000 - i));
    },
    equal: 'neither',
    maximizes: 'youden',
    prefers: 'lowest',
  },
  /**
   * The points of `roc_curve`, which are scores themselves after an infinite one; the first with the largest TPR - FPR.
   *
   * Source: scikit-learn, sklearn/metrics/_ranking.py, `roc_curve`; and its `KFold`.
   */
  'scikit-learn': {
    grid: false,
    candidates: ({ scores }) => [Number.POSITIVE_INFINITY, ...new Set(scores)],
    equal: 'same',
    maximizes: 'youden',
    prefers: 'highest',
  },
  /** Every threshold that makes a difference, midway between scores; of equally good ones the highest. */
  exact: {
    grid: false,
    candidates: ({ scores }) => midpoints(scores),
    equal: 'same',
    maximizes: 'accuracy',
    prefers: 'highest',
  },
} as const satisfies Readonly<Record<string, ThresholdRule>>;

export type ThresholdRuleName = keyof typeof thresholdRules;

/** The candidate that does best on sorted training scores, and the share of pairs it gets right. */
export function chooseThreshold(
  training: Sorted,
  rule: ThresholdRule,
): { readonly threshold: number; readonly accuracy: number } {
  const { scores, labels } = training;
  const { equal, maximizes, prefers } = rule;
  const positives = countSame(labels);
  const [ofSame, ofDifferent] = maximizes === 'accuracy' ? [1, 1] : [positives, scores.length - positives];
  const tried = rule.candidates(training);
  let [accepted, trueAccepts, right] = [0, 0, 0];
  let [best, threshold] = [Number.NEGATIVE_INFINITY, Number.NaN];
  for (let i = 0; i < tried.length; i++) {
    const limit = tried[i]!;
    while (accepted < scores.length && (equal === 'same' ? scores[accepted]! >= limit : scores[accepted]! > limit)) {
      trueAccepts += labels[accepted++]!;
    }
    const gain = trueAccepts / ofSame - (accepted - trueAccepts) / ofDifferent;
    if (gain > best || (prefers === 'lowest' && gain === best)) {
      best = gain;
      threshold = limit;
      right = trueAccepts + scores.length - positives - (accepted - trueAccepts);
    }
  }
  const accuracy = equal === 'neither' ? rightAt(scores, labels, threshold, rule) : right / scores.length;
  return { threshold, accuracy };
}

/**
 * Share of the pairs that a rule gets wrong only because its thresholds are too far apart: what its best one gets right, from
 * what the best of all thresholds does by the same measure.
 */
export function gridLoss(sorted: Sorted, rule: ThresholdRule): number {
  if (!rule.grid) return 0;
  const all = { ...rule, candidates: thresholdRules.exact.candidates };
  return chooseThreshold(sorted, all).accuracy - chooseThreshold(sorted, rule).accuracy;
}

/** From this share of the pairs on, thresholds are too far apart for the scores at hand: published ones lose 0.02 % on LFW. */
export const COARSE = 0.001;

/** How many labels say the same person. */
export function countSame(labels: ArrayLike<number | boolean>): number {
  let count = 0;
  for (let i = 0; i < labels.length; i++) count += Number(labels[i]);
  return count;
}

/** Share of pairs that a threshold gets right. */
export function rightAt(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  threshold: number,
  { equal }: Pick<ThresholdRule, 'equal'>,
): number {
  let right = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (score === threshold ? equal === (labels[i] ? 'same' : 'different') : score > threshold === Boolean(labels[i])) {
      right++;
    }
  }
  return right / scores.length;
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
