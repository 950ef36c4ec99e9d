import { Random } from '@protomem/core';
import type {
  CalibratedThreshold,
  Interval,
  LogisticCalibration,
  Reliability,
  SplitHalf,
  ThresholdRuleName,
} from '@protomem/evaluation';
import {
  accuracyAt,
  bestThreshold,
  bootstrap,
  calibrateThreshold,
  foldsFor,
  hardestPairs,
  logisticCalibration,
  percentileInterval,
  reliability,
  resamples,
  rocCurve,
  sameProbability,
  splitHalfStability,
  type TarAtFar,
  tarAtFars,
  tarOfCurve,
  type VerificationReport,
  verificationReport,
} from '@protomem/evaluation';
import type { PairOutcome } from './outcome.ts';

/** A band about the ROC curve. */
export interface RocBand {
  readonly far: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Where it comes from, in words. */
  readonly from: string;
}

/** All figures of a pair list, plain data for `metrics.json`. */
export interface PairSummary {
  readonly verification: VerificationReport;
  /** At the threshold that is best on this list, which is a little more than it would be on another. */
  readonly bestAccuracy: number;
  /** Of the same, by drawing people (or pairs, where people are unknown) again. Absent for very long lists. */
  readonly accuracyInterval?: Interval;
  readonly band: RocBand;
  readonly thresholds: readonly CalibratedThreshold[];
  readonly stability: (SplitHalf & { readonly far: SplitHalf['far'] & { readonly wanted: number } }) | null;
  readonly calibration: LogisticCalibration;
  /** Of a calibration from every other pair on the pairs between. */
  readonly reliability: Reliability;
  /** Positions of the worst pairs: different people, the same person. */
  readonly hardest: { readonly falseMatches: readonly number[]; readonly falseNonMatches: readonly number[] };
  readonly holdOut?: PairOutcome['holdOut'];
  readonly nearest?: readonly TarAtFar[];
}

/** Lists up to this length are drawn again 200 times; longer ones have Wilson's interval for a band. */
const MOST_DRAWN = 50_000;
const DRAWS = 200;

/** Everything that can be said about scored pairs. */
export function summarizePairs(
  outcome: PairOutcome,
  thresholdRule: ThresholdRuleName = 'insightface',
  seed = 1,
): PairSummary {
  const { labels, people, fars, holdOut, nearest, split = 'interleaved' } = outcome;
  const scores = outcome.scores;
  const folds = foldsFor(labels, outcome.folds);
  const verification = verificationReport(scores, labels, { thresholdRule, split, folds, fars });
  const random = new Random(seed);
  const drawn = scores.length <= MOST_DRAWN;
  const halves = [0, 1].map((half) => everyOther(outcome, half)) as [Half, Half];
  const fitted = logisticCalibration(halves[0].scores, halves[0].labels);
  const wanted = fars.find((far) => far <= 0.01) ?? 0.01;
  const stability = drawn ? splitHalfStability(scores, labels, wanted, random) : null;
  return {
    verification: drawn ? verification : { ...verification, roc: thinned(verification.roc) },
    bestAccuracy: accuracyAt(scores, labels, verification.threshold),
    ...(drawn
      ? {
          accuracyInterval: bootstrap(scores, labels, accuracyAtBest, {
            random,
            draws: DRAWS,
            ...(people ? { people } : {}),
          }).interval,
        }
      : {}),
    band: drawn ? drawnBand(outcome, random) : wilsonBand(outcome),
    thresholds: fars.flatMap((far) => calibrateThreshold(scores, labels, far) ?? []),
    stability: stability && { ...stability, far: { ...stability.far, wanted } },
    calibration: logisticCalibration(scores, labels),
    reliability: reliability(
      halves[1].scores.map((score) => sameProbability(fitted, score)),
      halves[1].labels,
    ),
    hardest: hardestPairs(scores, labels, 12),
    ...(holdOut ? { holdOut } : {}),
    ...(nearest ? { nearest } : {}),
  };
}

interface Half {
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
}

/** Every other pair of each kind. */
function everyOther({ scores, labels }: PairOutcome, half: number): Half {
  const seen = [0, 0];
  const chosen = (_: unknown, i: number): boolean => seen[labels[i]!]!++ % 2 === half;
  const keep = Array.from(scores, chosen);
  return { scores: scores.filter((_, i) => keep[i]), labels: labels.filter((_, i) => keep[i]) };
}

function accuracyAtBest(scores: Float64Array, labels: Uint8Array): number {
  return bestThreshold(scores, labels).accuracy;
}

/** FARs to draw a band at: eight a decade, from one false match up. */
function gridOf(negatives: number): number[] {
  const decades = Math.min(7, Math.log10(negatives));
  const count = Math.ceil(decades * 8);
  return Array.from({ length: count + 1 }, (_, i) => (i === count ? 1 : 10 ** (-decades * (1 - i / count))));
}

function drawnBand({ scores, labels, people }: PairOutcome, random: Random): RocBand {
  const negatives = labels.length - labels.reduce((sum, label) => sum + label, 0);
  // Draws of people have fewer pairs of strangers than the list: what all of them can tell begins higher.
  const far = gridOf(negatives / (people ? 2 : 1));
  const tars = far.map((): number[] => []);
  for (const drawn of resamples(scores, labels, { random, draws: DRAWS, ...(people ? { people } : {}) })) {
    const curve = rocCurve(drawn.scores, drawn.labels);
    for (const [i, rate] of far.entries()) {
      const { tar } = tarOfCurve(curve, rate);
      if (tar !== null) tars[i]!.push(tar);
    }
  }
  const intervals = tars.map((draws) => (draws.length >= DRAWS / 2 ? percentileInterval(draws) : undefined));
  const kept = intervals.flatMap((interval, i) => (interval ? [{ far: far[i]!, interval }] : []));
  return {
    far: kept.map((one) => one.far),
    low: kept.map(({ interval }) => interval[0]),
    high: kept.map(({ interval }) => interval[1]),
    from: `95 % of ${DRAWS} lists drawn again, ${people ? 'person by person' : 'pair by pair'}`,
  };
}

function wilsonBand({ scores, labels }: PairOutcome): RocBand {
  const negatives = labels.length - labels.reduce((sum, label) => sum + label, 0);
  const points = tarAtFars(scores, labels, gridOf(negatives)).filter(({ interval }) => interval);
  return {
    far: points.map(({ far }) => far),
    low: points.map(({ interval }) => interval![0]),
    high: points.map(({ interval }) => interval![1]),
    from: "Wilson's 95 % interval, thresholds taken as given",
  };
}

/** A curve of millions of corners, as many as a picture can show. */
function thinned({ far, tar }: VerificationReport['roc'], most = 2000): VerificationReport['roc'] {
  const kept = new Set<number>([0, far.length - 1]);
  const lowest = Math.log10(far.find((rate) => rate > 0) ?? 1e-9);
  let next = lowest;
  for (let i = 0; i < far.length; i++) {
    // Of a rise the top, which is what the rate allows.
    if (far[i + 1] === far[i]) continue;
    if (far[i]! > 0 && Math.log10(far[i]!) >= next) {
      kept.add(i);
      next += -lowest / most;
    }
  }
  const places = [...kept].sort((a, b) => a - b);
  return { far: places.map((i) => far[i]!), tar: places.map((i) => tar[i]!) };
}
