import { check, integer, type OptionsOf, option, readOptions } from '@protomem/core';
import { checkKinds, checkPairs } from './check-pairs.ts';
import { descending } from './roc-curve.ts';
import {
  COARSE,
  chooseThreshold,
  countSame,
  gridLoss,
  rightAt,
  type Sorted,
  thresholdRules,
} from './threshold-rules.ts';

const splits = {
  contiguous(labels: ArrayLike<number | boolean>, count: number): Int32Array {
    const size = Math.floor(labels.length / count);
    const larger = labels.length % count;
    return Int32Array.from({ length: labels.length }, (_, i) => {
      const inLarger = Math.floor(i / (size + 1));
      return inLarger < larger ? inLarger : larger + Math.floor((i - larger * (size + 1)) / size);
    });
  },
  interleaved(labels: ArrayLike<number | boolean>, count: number): Int32Array {
    const seen = [0, 0];
    return Int32Array.from({ length: labels.length }, (_, i) => seen[Number(labels[i])]!++ % count);
  },
};

/** How pairs are dealt into folds. */
export type FoldSplit = keyof typeof splits;

export const verificationOptions = {
  folds: option.integer({ help: 'Number of folds.', min: 2, default: 10 }),
  /**
   * `contiguous`: equal blocks in list order, as LFW View 2 lists its folds (the first ones take what is left over).
   * `interleaved`: the i-th pair of its kind goes to fold i mod folds: for lists that are not in folds, such as
   * View 1, where all same-person pairs come first.
   */
  split: option.choice(splits, {
    help: 'How pairs are dealt into folds: blocks in list order, or each kind in turn for lists that are not in folds.',
    default: 'contiguous',
  }),
  thresholdRule: option.choice(thresholdRules, {
    help: 'Whose thresholds and comparisons; most published figures come from the first.',
    default: 'insightface',
  }),
};

export type VerificationOptions = OptionsOf<typeof verificationOptions>;

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
  /**
   * There when the rule's thresholds are too far apart for these scores: the figures with all thresholds that make a
   * difference, by the rule `exact`.
   */
  readonly exact?: ExactFigures;
}

/** What all thresholds would say where those of a tool are too far apart. */
export interface ExactFigures {
  readonly accuracy: number;
  readonly standardDeviation: number;
  readonly standardError: number;
  /** Share of all pairs that no threshold of the rule gets right, and the best one does. */
  readonly lost: number;
}

/** A threshold and the share of pairs it gets right. */
export interface BestThreshold {
  /** Pairs with `score >= threshold` are called the same person. */
  readonly threshold: number;
  readonly accuracy: number;
}

/**
 * Verification accuracy by k-fold cross-validation, the arithmetic of LFW View 2: for each fold the threshold that is
 * best on the other k - 1 folds is tested on it. Where the threshold comes from differs between tools, by a pair or so on
 * LFW (0.02 %):
 *
 * | `thresholdRule` | thresholds                          | chosen by | a pair is the same when | its tool prints ±    |
 * | -------------- | ----------------------------------- | --------- | ----------------------- | -------------------- |
 * | `insightface`  | 400 squared distances, 0.01 apart   | accuracy  | score > threshold       | `standardDeviation`  |
 * | `facex-zoo`    | 1,000 steps between lowest, highest | TAR - FAR | score > threshold       | `standardError`      |
 * | `scikit-learn` | the scores                          | TAR - FAR | score >= threshold      |                      |
 * | `exact`        | midway between all scores           | accuracy  | score >= threshold      |                      |
 *
 * The first two have thresholds at fixed steps. Scores that lie close together, as those of a model that gets the wrong pixels,
 * can fall between two of them; then `exact` says what the scores are worth.
 *
 * @param scores of the pairs, higher means more alike. `insightface` takes cosines: its thresholds lie in (-1, 1].
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
 * Source: Huang et al., "Labeled Faces in the Wild", 2007, sections on View 1 and View 2; threshold-rules.ts names those of
 * the tools.
 */
export function verification(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  options: VerificationOptions = {},
): Verification {
  const where = 'verification';
  const { folds: count, split, thresholdRule } = readOptions(where, verificationOptions, options);
  checkPairs(where, scores, labels);
  integer(where, 'folds', count, 2, scores.length);
  const foldOf = splits[split](labels, count);
  const rule = thresholdRules[thresholdRule];
  // Sorted once: whatever is left out, the rest stays in order.
  const order = descending(scores);
  const sorted = inOrder(scores, labels, order);
  const folds = Array.from({ length: count }, (_, fold): VerificationFold => {
    const [inside, outside] = divide(sorted, foldOf, order, fold);
    check(inside.scores.length > 0, () => ({
      where,
      what: `pairs of fold ${fold} of ${count}, ${split}`,
      got: 0,
      expected: 'at least 1',
      fix: 'Take fewer folds: dealt in turn, there can be as many as there are pairs of the commoner kind.',
    }));
    const same = countSame(outside.labels);
    checkKinds(`${where}: all folds but ${fold}`, same, outside.labels.length - same);
    const best = chooseThreshold(outside, rule);
    return {
      threshold: best.threshold,
      trainAccuracy: best.accuracy,
      accuracy: rightAt(inside.scores, inside.labels, best.threshold, rule),
      pairs: inside.scores.length,
    };
  });
  const accuracy = folds.reduce((sum, fold) => sum + fold.accuracy, 0) / count;
  const lost = gridLoss(sorted, rule);
  const exact = lost >= COARSE && verification(scores, labels, { folds: count, split, thresholdRule: 'exact' });
  const squares = folds.reduce((sum, fold) => sum + (fold.accuracy - accuracy) ** 2, 0);
  return {
    accuracy,
    standardDeviation: Math.sqrt(squares / count),
    standardError: Math.sqrt(squares / (count - 1) / count),
    binomialError: binomialError(accuracy, scores.length),
    folds,
    ...(exact
      ? {
          exact: {
            accuracy: exact.accuracy,
            standardDeviation: exact.standardDeviation,
            standardError: exact.standardError,
            lost,
          },
        }
      : {}),
  };
}

/**
 * As many folds as a list of pairs bears: no more than it has pairs of either kind.
 *
 * @param labels 1 for the same person, 0 for different people.
 * @param most folds of a list that is long enough.
 * @throws ProtomemError when there are fewer than two pairs of a kind.
 */
export function foldsFor(labels: ArrayLike<number | boolean>, most = 10): number {
  const same = countSame(labels);
  const folds = Math.min(most, same, labels.length - same);
  check(folds >= 2, () => ({
    where: 'foldsFor',
    what: 'pairs of one person and of two',
    got: [same, labels.length - same],
    expected: 'two of each at least, to choose a threshold and to test it',
  }));
  return folds;
}

/** A list of pairs that have been scored. */
export interface ScoredPairs {
  /** Higher means more alike. */
  readonly scores: ArrayLike<number>;
  /** 1 for the same person, 0 for different people. */
  readonly labels: ArrayLike<number | boolean>;
}

/** A threshold from one list, tested on another. */
export interface HoldOut {
  readonly threshold: number;
  /** On the development list, at that threshold. */
  readonly developmentAccuracy: number;
  /** On the test list, at that threshold. */
  readonly accuracy: number;
  /** sqrt(accuracy (1 - accuracy) / pairs) of the test list. */
  readonly binomialError: number;
  readonly pairs: number;
  /** There when the rule's thresholds are too far apart for the development scores: the accuracy by the rule `exact`. */
  readonly exact?: Pick<ExactFigures, 'accuracy' | 'lost'>;
}

const holdOutOptions = { thresholdRule: verificationOptions.thresholdRule };

/**
 * Verification accuracy with a threshold from a list of its own, the arithmetic of LFW View 1: chosen on
 * `pairsDevTrain.txt`, tested on `pairsDevTest.txt`. View 1 is for development; figures to be published are View 2's.
 *
 * @param development pairs that the threshold is chosen on.
 * @param test pairs that it is tested on; no person should be in both lists.
 *
 * @example
 * ```ts
 * const { accuracy, binomialError } = holdOut({ scores: train, labels: trainLabels }, { scores, labels });
 * ```
 */
export function holdOut(
  development: ScoredPairs,
  test: ScoredPairs,
  options: OptionsOf<typeof holdOutOptions> = {},
): HoldOut {
  const rule = thresholdRules[readOptions('holdOut', holdOutOptions, options).thresholdRule];
  checkPairs('holdOut: development', development.scores, development.labels);
  checkPairs('holdOut: test', test.scores, test.labels);
  const order = descending(development.scores);
  const sorted = inOrder(development.scores, development.labels, order);
  const best = chooseThreshold(sorted, rule);
  const accuracy = rightAt(test.scores, test.labels, best.threshold, rule);
  const lost = gridLoss(sorted, rule);
  return {
    threshold: best.threshold,
    developmentAccuracy: best.accuracy,
    accuracy,
    binomialError: binomialError(accuracy, test.scores.length),
    pairs: test.scores.length,
    ...(lost >= COARSE
      ? { exact: { accuracy: holdOut(development, test, { thresholdRule: 'exact' }).accuracy, lost } }
      : {}),
  };
}

function binomialError(share: number, trials: number): number {
  return Math.sqrt((share * (1 - share)) / trials);
}

/**
 * The threshold with the highest accuracy: midway between two neighbouring distinct scores, the highest one where
 * several are equally good (of two equal choices the one that takes fewer strangers for the same person). Infinity
 * when it is best to accept nothing.
 *
 * @example
 * ```ts
 * bestThreshold(Float64Array.of(0.8, 0.6, 0.2), Uint8Array.of(1, 1, 0)); // { threshold: 0.4, accuracy: 1 }
 * ```
 */
export function bestThreshold(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>): BestThreshold {
  checkPairs('bestThreshold', scores, labels);
  return chooseThreshold(inOrder(scores, labels, descending(scores)), thresholdRules.exact);
}

/** Share of pairs that a threshold gets right: `score >= threshold` means the same person. */
export function accuracyAt(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, threshold: number): number {
  check(scores.length > 0 && scores.length === labels.length, () => ({
    where: 'accuracyAt',
    what: 'length of labels',
    got: labels.length,
    expected: `the ${scores.length} of scores, at least one`,
  }));
  return rightAt(scores, labels, threshold, thresholdRules.exact);
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
