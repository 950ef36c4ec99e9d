import { check, integer, number, type OptionsOf, option, type Random, readOptions } from '@protomem/core';
import { checkPairs, sortedKind } from './check-pairs.ts';
import { deviations, type Interval, wilsonInterval } from './intervals.ts';
import { thresholdAtFar } from './tar-at-far.ts';

/** A threshold for a false accept rate, with the doubt about it. */
export interface CalibratedThreshold {
  /** The wanted rate. */
  readonly far: number;
  /** Pairs with `score >= threshold` are accepted; at most the share `far` of the strangers in the list are. */
  readonly threshold: number;
  /**
   * Where the threshold of exactly that rate lies among all strangers. The upper end is Infinity when the list is too
   * short to bound it.
   */
  readonly interval: Interval;
  /** The rate in the list. */
  readonly actualFar: number;
  /** Wilson's interval of that rate at the threshold as it stands. */
  readonly farInterval: Interval;
  readonly negatives: number;
}

/**
 * The threshold to deploy for a false accept rate, and how far off it may be. With n pairs of strangers, those that score
 * at least the true threshold are binomial with n and `far`; two order statistics of the scores so bound it, whatever
 * their distribution. Pairs are taken as independent: where they share people, {@link bootstrap} with `people` is wider.
 *
 * @param confidence of both intervals. Default 0.95.
 * @returns null when the list has fewer than `1 / far` pairs of strangers, and nothing can be said.
 *
 * @example
 * ```ts
 * const { threshold, interval } = calibrateThreshold(scores, labels, 1e-2)!;
 * ```
 *
 * Source: David and Nagaraja, "Order Statistics", 2003, section 7.1.
 */
export function calibrateThreshold(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  far: number,
  confidence = 0.95,
): CalibratedThreshold | null {
  const z = deviations('calibrateThreshold', confidence);
  const threshold = thresholdAtFar(scores, labels, far);
  if (threshold === null) return null;
  const strangers = sortedKind(scores, labels, false);
  const count = strangers.length;
  let accepted = 0;
  while (accepted < count && strangers[count - 1 - accepted]! >= threshold) accepted++;
  const [fewest, most] = binomialRange(count, far, confidence, z);
  // The k-th highest; before the first there is no bound, after the last neither.
  const highest = (k: number): number =>
    k < 1 ? Number.POSITIVE_INFINITY : k > count ? Number.NEGATIVE_INFINITY : strangers[count - k]!;
  return {
    far,
    threshold,
    interval: [highest(most + 1), highest(fewest)],
    actualFar: accepted / count,
    farInterval: wilsonInterval(accepted, count, confidence),
    negatives: count,
  };
}

/** A range that a binomial count lies in with at least this confidence, at most half of the rest on either side. */
function binomialRange(trials: number, share: number, confidence: number, z: number): [fewest: number, most: number] {
  if (share > 0.5) {
    // What is not among them is the rarer: the term below would be no number.
    const [least, most] = binomialRange(trials, 1 - share, confidence, z);
    return [trials - most, trials - least];
  }
  const mean = trials * share;
  if (mean > 500 && trials - mean > 500) {
    const reach = z * Math.sqrt(mean * (1 - share)) + 0.5;
    return [Math.floor(mean - reach), Math.ceil(mean + reach)];
  }
  const tail = (1 - confidence) / 2;
  let [below, term, fewest] = [0, Math.exp(trials * Math.log1p(-share)), 0];
  for (let k = 0; k <= trials; k++) {
    // `below` is P(B < k).
    if (below <= tail) fewest = k;
    below += term;
    if (below >= 1 - tail) return [fewest, k];
    term *= ((trials - k) / (k + 1)) * (share / (1 - share));
  }
  return [fewest, trials];
}

/** Score to probability: `1 / (1 + exp(-(slope score + intercept)))`. Plain data, for a file. */
export interface LogisticCalibration {
  readonly slope: number;
  readonly intercept: number;
  /** Share of same-person pairs that the probabilities are for. */
  readonly prior: number;
}

/**
 * Platt's calibration: the logistic curve of highest likelihood, with targets (n + 1) / (n + 2) and 1 / (n + 2) in place
 * of 1 and 0, so that a list that is separated perfectly gives no certainty.
 *
 * @param prior how often two faces are of one person where the probabilities will be used; the list's own share says
 *   nothing about that. Default 0.5, as in a list with as many pairs of either kind.
 *
 * @example
 * ```ts
 * const calibration = logisticCalibration(scores, labels, 0.01);
 * sameProbability(calibration, 0.42);
 * ```
 *
 * Source: Platt, "Probabilistic outputs for support vector machines", 1999; Newton's method as in Lin, Lin and Weng, "A
 * note on Platt's probabilistic outputs", 2007. scikit-learn's `CalibratedClassifierCV(method="sigmoid")` fits the same
 * curve, for the list's own prior.
 */
export function logisticCalibration(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  prior = 0.5,
): LogisticCalibration {
  const where = 'logisticCalibration';
  const { positives, negatives } = checkPairs(where, scores, labels);
  check(prior > 0 && prior < 1, () => ({ where, what: 'prior', got: prior, expected: 'a number between 0 and 1' }));
  const count = scores.length;
  const targets = [1 / (negatives + 2), (positives + 1) / (positives + 2)];
  // Scores of mean 0 and deviation 1: Newton's steps are then good from the start.
  let mean = 0;
  for (let i = 0; i < count; i++) mean += scores[i]! / count;
  let variance = 0;
  for (let i = 0; i < count; i++) variance += (scores[i]! - mean) ** 2 / count;
  const deviation = Math.sqrt(variance) || 1;
  const loss = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const odds = (a * (scores[i]! - mean)) / deviation + b;
      sum += Math.max(odds, 0) - targets[Number(labels[i])]! * odds + Math.log1p(Math.exp(-Math.abs(odds)));
    }
    return sum;
  };
  let [a, b] = [0, logit((positives + 1) / (count + 2))];
  let current = loss(a, b);
  for (let round = 0; round < 100; round++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 1e-12, 0, 1e-12];
    for (let i = 0; i < count; i++) {
      const x = (scores[i]! - mean) / deviation;
      const p = 1 / (1 + Math.exp(-(a * x + b)));
      const error = p - targets[Number(labels[i])]!;
      const weight = p * (1 - p);
      ga += error * x;
      gb += error;
      haa += weight * x * x;
      hab += weight * x;
      hbb += weight;
    }
    if (Math.abs(ga) < 1e-9 * count && Math.abs(gb) < 1e-9 * count) break;
    const determinant = haa * hbb - hab * hab;
    const da = -(hbb * ga - hab * gb) / determinant;
    const db = -(haa * gb - hab * ga) / determinant;
    let step = 1;
    let next = loss(a + da, b + db);
    while (next > current && step > 1e-10) {
      step /= 2;
      next = loss(a + step * da, b + step * db);
    }
    if (!(next < current)) break;
    [a, b, current] = [a + step * da, b + step * db, next];
  }
  const slope = a / deviation;
  return { slope, intercept: b - slope * mean + logit(prior) - logit(positives / count), prior };
}

/** The probability that a pair with this score is of one person. */
export function sameProbability({ slope, intercept }: LogisticCalibration, score: number): number {
  return 1 / (1 + Math.exp(-(slope * score + intercept)));
}

function logit(share: number): number {
  return Math.log(share / (1 - share));
}

/** How well probabilities keep what they say. */
export interface Reliability {
  /** For each bin of probabilities that has pairs: their number, mean probability, and share of same-person pairs. */
  readonly bins: readonly { readonly count: number; readonly probability: number; readonly share: number }[];
  /** Mean distance between the two, weighted by the number of pairs. */
  readonly expectedError: number;
  /** Mean squared distance between probability and label. */
  readonly brier: number;
}

/**
 * Probabilities against what came true. Take a list that the calibration has not seen.
 *
 * @param probabilities of the pairs to be of one person, 0 ... 1.
 * @param bins of equal width. Default 10.
 *
 * Source: Guo et al., "On calibration of modern neural networks", 2017, section 2.
 *
 * @example
 * ```ts
 * reliability(testScores.map((score) => sameProbability(calibration, score)), testLabels).expectedError;
 * ```
 */
export function reliability(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  bins = 10,
): Reliability {
  checkPairs('reliability', probabilities, labels);
  integer('reliability', 'bins', bins, 1);
  const sums = Array.from({ length: bins }, () => ({ count: 0, probability: 0, same: 0 }));
  let brier = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const probability = number('reliability', `probabilities[${i}]`, probabilities[i]!, 0, 1);
    const bin = sums[Math.min(bins - 1, Math.floor(probability * bins))]!;
    bin.count++;
    bin.probability += probability;
    bin.same += Number(labels[i]);
    brier += (probability - Number(labels[i])) ** 2 / probabilities.length;
  }
  const filled = sums
    .filter(({ count }) => count > 0)
    .map(({ count, probability, same }) => ({ count, probability: probability / count, share: same / count }));
  const expectedError = filled.reduce(
    (sum, { count, probability, share }) => sum + (count * Math.abs(probability - share)) / probabilities.length,
    0,
  );
  return { bins: filled, expectedError, brier };
}

/** A threshold from one half of a list, on the other half. */
export interface SplitHalf {
  /** Mean distance between the thresholds of the two halves; Infinity when only one ever is ({@link thresholdAtFar}). */
  readonly thresholdDistance: number;
  /** Rates found on the halves that the thresholds did not come from: mean, and between which values they lie. */
  readonly far: { readonly mean: number; readonly low: number; readonly high: number };
}

const splitHalfOptions = {
  repeats: option.integer({ help: 'Cuts, two trials each.', min: 1, default: 50 }),
};

/**
 * How stable the threshold for a false accept rate is: the list is cut into two random halves, same and different pairs
 * each, and the threshold of either is tried on the other; again and again.
 *
 * @param options `repeats` cuts, two trials each. Default 50.
 * @returns null when half of the list has fewer than `1 / far` pairs of strangers.
 *
 * @example
 * ```ts
 * splitHalfStability(scores, labels, 1e-2, new Random(1))!.far; // { mean, low, high }
 * ```
 */
export function splitHalfStability(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  far: number,
  random: Random,
  options: OptionsOf<typeof splitHalfOptions> = {},
): SplitHalf | null {
  const where = 'splitHalfStability';
  const { repeats } = readOptions(where, splitHalfOptions, options);
  checkPairs(where, scores, labels);
  number(where, 'far', far, 0, 1);
  const kinds = [0, 1].map((kind) => Array.from(scores).filter((_, i) => Number(labels[i]) === kind));
  const [different, same] = kinds as [number[], number[]];
  if (far < 1 / Math.floor(different.length / 2) || same.length < 2) return null;
  const rates: number[] = [];
  let distance = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const halves = [0, 1].map((half) =>
      kinds.map((kind) => {
        if (half === 0) random.shuffle(kind);
        const middle = Math.floor(kind.length / 2);
        return half === 0 ? kind.slice(0, middle) : kind.slice(middle);
      }),
    ) as [[number[], number[]], [number[], number[]]];
    const thresholds = halves.map(([strangers, own]) => {
      const halfLabels = new Uint8Array(strangers.length + own.length).fill(1, strangers.length);
      return thresholdAtFar([...strangers, ...own], halfLabels, far)!;
    }) as [number, number];
    // Both may be Infinity.
    if (thresholds[0] !== thresholds[1]) distance += Math.abs(thresholds[0] - thresholds[1]) / repeats;
    for (const half of [0, 1] as const) {
      const others = halves[1 - half]![0];
      rates.push(others.filter((score) => score >= thresholds[half]).length / others.length);
    }
  }
  return {
    thresholdDistance: distance,
    far: {
      mean: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
      low: Math.min(...rates),
      high: Math.max(...rates),
    },
  };
}
