import { foldsFor, type ThresholdRuleName, verificationReport } from '@protomem/evaluation';
import type { Outcome } from './outcome.ts';

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** The figures of an outcome that a list of models would show. */
export function summaryLine(outcome: Outcome, thresholdRule: ThresholdRuleName): string {
  switch (outcome.kind) {
    case 'pairs': {
      const { scores, labels, fars, holdOut, split = 'interleaved' } = outcome;
      const folds = foldsFor(labels, outcome.folds);
      const report = verificationReport(scores, labels, { thresholdRule, split, folds, fars });
      const { accuracy, standardError, exact, tarAtFar, equalErrorRate } = report;
      const lowest = tarAtFar.findLast(({ tar }) => tar !== null);
      return [
        holdOut
          ? `accuracy ${percent(holdOut.accuracy)}, threshold of its own list`
          : `accuracy ${percent(accuracy)} ± ${(100 * standardError).toFixed(2)}`,
        ...(exact && !holdOut ? [`${percent(exact.accuracy)} with exact thresholds`] : []),
        ...(holdOut?.exact ? [`${percent(holdOut.exact.accuracy)} with exact thresholds`] : []),
        ...(lowest ? [`TAR ${percent(lowest.tar!)} at FAR ${lowest.far}`] : []),
        `EER ${percent(equalErrorRate)}`,
      ].join(', ');
    }
    case 'identification':
      return outcome.results
        .map(
          ({ convention, ranks }) =>
            `${convention}: ${ranks.map(({ rank, rate }) => `rank ${rank} ${percent(rate)}`).join(', ')}`,
        )
        .join('; ');
    case 'megaface': {
      const { ranks, distractors } = outcome.clean ?? outcome.raw;
      return `${ranks.map(({ rank, rate }) => `rank ${rank} ${percent(rate)}`).join(', ')} among ${distractors} distractors`;
    }
    case 'retrieval': {
      const { recall, mapAtR } = outcome.result;
      return `${recall.map(({ k, rate }) => `recall at ${k} ${percent(rate)}`).join(', ')}, MAP@R ${percent(mapAtR)}`;
    }
  }
}
