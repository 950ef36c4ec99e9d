import { type OptionsOf, option, readOptions } from '@protomem/core';
import { sortedByKind } from './check-pairs.ts';
import { type Histogram, histogram } from './histogram.ts';
import { areaUnderCurve, equalErrorRate, rocCurve } from './roc-curve.ts';
import { type TarAtFar, tarOfCurve } from './tar-at-far.ts';
import type { ThresholdRuleName } from './threshold-rules.ts';
import { bestThreshold, type Verification, verification, verificationOptions } from './verification.ts';

const reportOptions = {
  ...verificationOptions,
  fars: option.numbers({ help: 'Targets of TAR@FAR.', min: 0, max: 1, default: [1e-1, 1e-2, 1e-3, 1e-4] }),
  bins: option.integer({ help: 'Of the score histograms over [-1, 1].', min: 1, default: 80 }),
};

export type VerificationReportOptions = OptionsOf<typeof reportOptions>;

/** All that a pair list says about an encoder: plain data, ready for `metrics.json` and for a report. */
export interface VerificationReport extends Verification {
  /** Where thresholds come from; absent in reports of earlier releases, which have InsightFace's. */
  readonly thresholdRule?: ThresholdRuleName;
  readonly positives: number;
  readonly negatives: number;
  /** Best on the whole list, for drawing and for use; `accuracy` does not come from it. */
  readonly threshold: number;
  readonly tarAtFar: readonly TarAtFar[];
  readonly equalErrorRate: number;
  readonly areaUnderCurve: number;
  /** The ROC curve's corners. */
  readonly roc: { readonly far: readonly number[]; readonly tar: readonly number[] };
  readonly scores: { readonly same: Histogram; readonly different: Histogram };
}

/**
 * Runs every measure of this package over one list of pairs.
 *
 * @param scores of the pairs: cosines, in [-1, 1].
 * @param labels 1 for the same person, 0 for different people.
 *
 * @example
 * ```ts
 * const report = verificationReport(scores, labels, { split: 'interleaved' });
 * writeFileSync('metrics.json', JSON.stringify(report));
 * ```
 */
export function verificationReport(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  options: VerificationReportOptions = {},
): VerificationReport {
  const { fars, bins, ...folding } = readOptions('verificationReport', reportOptions, options);
  const curve = rocCurve(scores, labels);
  const corners = cornersOf(curve.far, curve.tar);
  const { same, different } = sortedByKind(scores, labels);
  return {
    ...verification(scores, labels, folding),
    thresholdRule: folding.thresholdRule,
    positives: curve.positives,
    negatives: curve.negatives,
    threshold: bestThreshold(scores, labels).threshold,
    tarAtFar: fars.map((far) => tarOfCurve(curve, far)),
    equalErrorRate: equalErrorRate(curve).rate,
    areaUnderCurve: areaUnderCurve(curve),
    roc: {
      far: corners.map((i) => curve.far[i]!),
      tar: corners.map((i) => curve.tar[i]!),
    },
    scores: {
      same: histogram(same, bins, -1, 1),
      different: histogram(different, bins, -1, 1),
    },
  };
}

/** Points where the curve turns; the rest lie on straight lines between them. */
function cornersOf(far: Float64Array, tar: Float64Array): number[] {
  const corners: number[] = [];
  for (let i = 0; i < far.length; i++) {
    const straight =
      i > 0 &&
      i + 1 < far.length &&
      ((far[i - 1] === far[i] && far[i] === far[i + 1]) || (tar[i - 1] === tar[i] && tar[i] === tar[i + 1]));
    if (!straight) corners.push(i);
  }
  return corners;
}
