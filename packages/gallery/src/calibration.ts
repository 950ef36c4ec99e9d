import { check, ProtomemError } from '@protomem/core';
import { type Histogram, histogram, tarAtFars, type VerificationReport } from '@protomem/evaluation';

/** What a test says about cosines: plain data, kept in the gallery. */
export interface Calibration {
  /** Which test, for people. */
  readonly source: string;
  /** Pairs of strangers, and of one person, that it was measured on. */
  readonly strangers: number;
  readonly same: number;
  /** Rising thresholds: the share `far` of strangers scores at least `threshold`. */
  readonly points: readonly CalibrationPoint[];
  /** Rising thresholds: the share `share` of one person's pairs scores less. */
  readonly missed: readonly { readonly threshold: number; readonly share: number }[];
}

export interface CalibrationPoint {
  readonly far: number;
  readonly threshold: number;
}

/** Strangers that a threshold has to be measured on: the score of the highest alone says little about the next. */
const LEAST_STRANGERS = 5;

/**
 * What scored pairs say about cosines.
 *
 * @param scores cosines of the pairs, of faces that were embedded as the gallery's are.
 * @param labels 1 for the same person, 0 for different people.
 * @param source names the test.
 * @throws ProtomemError when fewer than fifty pairs are of strangers.
 *
 * @example
 * ```ts
 * await gallery.calibrate(calibrationFromScores(scores, labels, 'LFW View 2'));
 * ```
 */
export function calibrationFromScores(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  source: string,
): Calibration {
  const strangers = Array.from(labels).filter((label) => !label).length;
  const fars: number[] = [];
  for (let decade = 1; decade * strangers >= 1; decade /= 10) fars.push(0.5 * decade, 0.2 * decade, 0.1 * decade);
  const points = tarAtFars(scores, labels, fars).map(({ actualFar, threshold }) => ({
    far: actualFar ?? 0,
    threshold: threshold ?? 0,
  }));
  const same = histogram(
    Array.from(scores).filter((_, i) => labels[i]),
    BINS,
    -1,
    1,
  );
  return checked({ source, strangers, same: scores.length - strangers, points, missed: missedBelow(same) });
}

/** Of a histogram over [-1, 1]: 0.01 each. */
const BINS = 200;

/** What a run's report or that of `protomem evaluate` says about cosines: its thresholds, and its histograms between. */
export function calibrationFromReport(report: VerificationReport, source: string): Calibration {
  const { tarAtFar, scores, negatives, positives } = report;
  const { edges, counts } = scores.different;
  const points: CalibrationPoint[] = tarAtFar.flatMap(({ actualFar: far, threshold }) =>
    far === null || threshold === null ? [] : [{ far, threshold }],
  );
  let strangers = 0;
  for (let bin = counts.length - 1; bin > 0; bin--) {
    strangers += counts[bin]!;
    points.push({ far: strangers / negatives, threshold: edges[bin]! });
  }
  return checked({ source, strangers: negatives, same: positives, points, missed: missedBelow(scores.same) });
}

/** Shares of a histogram below its edges, from the last edge with nothing below to the first with everything. */
function missedBelow({ edges, counts }: Histogram): Calibration['missed'] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  const all = edges.map((threshold, i) => {
    if (i > 0) below += counts[i - 1]!;
    return { threshold, share: below / total };
  });
  const last = all.findIndex(({ share }) => share === 1);
  return all.slice(Math.max(0, all.findIndex(({ share }) => share > 0) - 1), last + 1);
}

/** Points of which each has a lower rate than the one before and strangers enough to tell it. */
function checked({ points, ...about }: Calibration): Calibration {
  const kept: CalibrationPoint[] = [];
  for (const point of points.toSorted((a, b) => a.threshold - b.threshold || b.far - a.far)) {
    const { far, threshold } = point;
    if (![far, threshold].every(Number.isFinite) || far * about.strangers < LEAST_STRANGERS) continue;
    if (far < (kept.at(-1)?.far ?? 1) && threshold > (kept.at(-1)?.threshold ?? Number.NEGATIVE_INFINITY))
      kept.push(point);
  }
  const calibration = { ...about, points: kept };
  checkCalibration(calibration, about.source);
  return calibration;
}

/** Refuses what cannot tell thresholds: a caller's, or a file's. */
export function checkCalibration({ points, missed, strangers, source }: Calibration, where: string): void {
  const falling = points.every(
    ({ far, threshold }, i) =>
      [far, threshold].every(Number.isFinite) &&
      far > 0 &&
      (i === 0 || (far < points[i - 1]!.far && threshold > points[i - 1]!.threshold)),
  );
  const shares = missed.every(({ threshold, share }) => Number.isFinite(threshold) && share >= 0 && share <= 1);
  check(falling && shares && points.length >= 2 && (points.at(-1)?.far ?? 1) <= 0.1, () => ({
    where,
    what: 'the calibration',
    got: `${points.length} thresholds of ${strangers} pairs of strangers (${source})`,
    expected:
      'thresholds that rise as the false accept rate falls, down to 0.1 or less: at least 50 pairs of strangers',
    fix: 'Calibrate on more pairs of strangers.',
  }));
}

/** A threshold of one comparison. */
export interface Threshold {
  /** Cosine. */
  readonly threshold: number;
  /** The wanted false accept rate of one comparison. */
  readonly far: number;
  /** Share of one person's pairs that scored lower in the test. */
  readonly missed: number;
  /** Whether the rate is below what the test could measure. */
  readonly extrapolated: boolean;
}

/**
 * The threshold for a false accept rate of one comparison: between measured ones a line in the rate's logarithm, beyond the
 * lowest the line of its last decade goes on. Strangers' cosines fall off faster than that exponential tail, so that the threshold beyond is
 * too high rather than too low.
 *
 * Source: Pickands, "Statistical inference using extreme order statistics", 1975: peaks over a threshold, shape 0.
 */
export function thresholdAt({ points, missed }: Calibration, far: number): Threshold {
  const last = points.at(-1)!;
  const extrapolated = far < last.far;
  let threshold = extrapolated ? last.threshold : between(points, far).threshold;
  if (extrapolated) {
    const decade = between(points, Math.min(points[0]!.far, 10 * last.far));
    const slope = (last.threshold - decade.threshold) / Math.log(decade.far / last.far);
    threshold += slope * Math.log(last.far / far);
  }
  return { threshold, far, missed: shareBelow(missed, threshold), extrapolated };
}

function between(points: readonly CalibrationPoint[], far: number): CalibrationPoint {
  const after = points.findIndex((point) => point.far <= far);
  if (after <= 0) return { ...points[0]!, far: Math.min(far, points[0]!.far) };
  const [high, low] = [points[after - 1]!, points[after]!];
  const share = Math.log(high.far / far) / Math.log(high.far / low.far);
  return { far, threshold: high.threshold + share * (low.threshold - high.threshold) };
}

function shareBelow(missed: Calibration['missed'], threshold: number): number {
  const after = missed.findIndex((one) => one.threshold >= threshold);
  if (after < 0) return 1;
  const [low, high] = [missed[after - 1], missed[after]!];
  if (!low) return high.threshold > threshold ? 0 : high.share;
  return low.share + ((threshold - low.threshold) / (high.threshold - low.threshold)) * (high.share - low.share);
}

/** Thresholds of a search or of a comparison, and what they mean. */
export interface Thresholds {
  /** "same" from here on. */
  readonly same: Threshold;
  /** "no" below; "not sure" between the two. */
  readonly no: Threshold;
  /** Comparisons that the false accept rates are of: people in a search, or images where the best counts. */
  readonly comparisons: number;
  /** Share of strangers that may be called the same as anybody, and that may be left in doubt. */
  readonly far: number;
  readonly doubt: number;
  readonly source: string;
}

/**
 * A stranger is compared with everybody: of n comparisons each with rate f, one is wrong with a chance of at most n f,
 * whatever hangs together among them (Bonferroni). So each comparison gets `far / comparisons`.
 */
export function thresholdsFor(
  calibration: Calibration,
  { comparisons, far, doubt }: { readonly comparisons: number; readonly far: number; readonly doubt: number },
): Thresholds {
  if (!(far <= doubt)) {
    throw new ProtomemError({
      where: 'identify',
      what: 'doubt',
      got: doubt,
      expected: `at least far = ${far}: who is called the same is in no doubt`,
    });
  }
  const n = Math.max(1, comparisons);
  return {
    same: thresholdAt(calibration, far / n),
    no: thresholdAt(calibration, doubt / n),
    comparisons: n,
    far,
    doubt,
    source: calibration.source,
  };
}

/** What a cosine says about two faces. */
export type Answer = 'same' | 'not sure' | 'no';

export function answerOf(score: number, { same, no }: Thresholds): Answer {
  if (score >= same.threshold) return 'same';
  return score < no.threshold ? 'no' : 'not sure';
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;

/** What answers mean, in lines for people. */
export function thresholdLines({ same, no, comparisons, far, doubt, source }: Thresholds): string[] {
  const beyond = ({ extrapolated }: Threshold): string =>
    extrapolated ? "; beyond what the test could measure: its last decade's line goes on" : '';
  const missed = (one: Threshold): string => `${percent(one.missed)} of one person's pairs scored lower`;
  // A test of few strangers cannot vouch for a rate that is far below what it measured.
  const never =
    same.threshold > 1
      ? [`nothing can be called the same: for ${percent(far)} the test has too few strangers, or they are too alike`]
      : [];
  return [
    ...never,
    `"same" from ${same.threshold.toFixed(3)}: ${percent(far)} of strangers get as high with any of ${comparisons} (${missed(same)}${beyond(same)})`,
    `"no" below ${no.threshold.toFixed(3)}: ${percent(doubt)} of strangers get as high (${missed(no)}${beyond(no)})`,
    `thresholds: ${source}`,
  ];
}
