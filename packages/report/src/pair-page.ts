import type { TarAtFar } from '@protomem/evaluation';
import type { PairSummary } from '@protomem/protocols';
import { detChart, foldChart, reliabilityChart, rocWithBand } from './evaluation-charts.ts';
import { type EvaluationFacts, evaluationPage, range, score, tile } from './evaluation-page.ts';
import { errorsSection } from './faces-section.ts';
import { decimal, percent, rate } from './format.ts';
import { type Html, html } from './html.ts';
import { figure, grid, section, table } from './parts.ts';
import type { ReportHead, ReportPair } from './report-data.ts';
import { scoreHistogram, scoreRange } from './verification-charts.ts';

/** A list of pairs. */
export async function pairPage(
  about: EvaluationFacts,
  summary: PairSummary,
  faces: { readonly falseMatches: readonly ReportPair[]; readonly falseNonMatches: readonly ReportPair[] },
): Promise<string> {
  const { verification, band, accuracyInterval, holdOut } = summary;
  const { positives, negatives, roc, folds } = verification;
  const head: ReportHead = { name: about.model, seconds: 0, imagesPerSecond: 0, steps: [], verification, ...faces };
  const shown = verification.tarAtFar.filter(({ reachable, far }) => reachable && far < 0.1).slice(0, 3);
  return evaluationPage(
    about,
    html`<div class="tiles">
${
  holdOut
    ? tile(
        'Accuracy',
        `${percent(holdOut.accuracy, 2)}`,
        `± ${percent(holdOut.binomialError, 2)}`,
        'threshold of its own list',
      )
    : tile(
        'Accuracy',
        `${percent(verification.accuracy, 2)}`,
        `± ${percent(verification.standardDeviation, 2)}`,
        `over ${folds.length} folds`,
      )
}
${exactFigures(summary)
  .slice(0, 1)
  .map(({ accuracy, lost }) =>
    tile('With exact thresholds', percent(accuracy, 2), '', `the rule's best gets ${percent(lost, 2)} % more wrong`),
  )}
${shown.map(({ far, tar, interval }) => tile(`TAR at FAR ${rate(far)}`, percent(tar!, 1), range(interval!), 'at 95 % confidence'))}
${tile('Equal error rate', percent(verification.equalErrorRate, 2), '')}
${tile('Area under ROC', verification.areaUnderCurve.toFixed(4), '', '', '')}
</div>`,
    section(
      'curves',
      'Curves',
      `${decimal(positives)} pairs of the same person, ${decimal(negatives)} of different people.`,
      grid(
        figure(
          'ROC',
          `Share of same-person pairs accepted. Band: ${band.from}.`,
          await rocWithBand(roc, band, negatives),
        ),
        figure(
          'DET',
          'Both errors against each other on the scale of normal scores; the dot is the equal error rate. Lower left is better.',
          await detChart(roc, verification.equalErrorRate),
        ),
        figure(
          'Scores',
          'How alike the encoder finds two images; the dashed line is the best threshold.',
          html`<p class="legend"><span><i class="box different"></i>different people</span><span><i class="box same"></i>same person</span></p>`,
          await scoreHistogram(head, scoreRange([head]), { small: false, axis: true }),
        ),
        figure(
          'Folds',
          'Accuracy of each fold with its binomial error; the dashed line is the mean.',
          await foldChart(folds, verification.accuracy, positives + negatives),
        ),
        figure(
          'Probabilities',
          `A logistic curve fitted to every other pair, tried on the pairs between. Expected error ${percent(summary.reliability.expectedError, 2)} points.`,
          await reliabilityChart(summary.reliability),
        ),
        html`<div class="card">${tarTable(summary)}</div>`,
      ),
    ),
    section('thresholds', 'Thresholds to deploy', thresholdsLead(summary), thresholdTable(summary)),
    errorsSection({ heads: [head] }),
    section('all', 'All measures', '', table('All measures', ['', 'Value', ''], allRows(summary, accuracyInterval))),
  );
}

function tarTable({ verification, nearest }: PairSummary): Html {
  const cell = ({ tar, interval }: TarAtFar): string =>
    tar === null ? 'too few pairs' : `${percent(tar, 2)} (${range(interval!)})`;
  return table(
    'True accept rate, %',
    ['at FAR', 'TAR, 95 % interval', ...(nearest ? ['nearest point'] : [])],
    verification.tarAtFar.map((point, i) => [
      rate(point.far),
      cell(point),
      ...(nearest ? [percent(nearest[i]!.tar!, 2)] : []),
    ]),
  );
}

function thresholdsLead({ stability }: PairSummary): string {
  const basis =
    'The interval is where the threshold of exactly that rate may lie among all strangers, at 95 % confidence.';
  if (!stability) return basis;
  const { wanted, mean, low, high } = stability.far;
  return `${basis} From one half of the list, a threshold for ${rate(wanted)} let ${rate(mean)} of the other half's strangers through on average, ${rate(low)} to ${rate(high)} in 100 trials.`;
}

function thresholdTable({ thresholds }: PairSummary): Html {
  return table(
    'Thresholds',
    ['FAR', 'Threshold', 'between', 'and', 'FAR in the list', 'between', 'and'],
    thresholds.map(({ far, threshold, interval, actualFar, farInterval }) => [
      rate(far),
      score(threshold),
      score(interval[0]),
      score(interval[1]),
      rate(actualFar),
      rate(farInterval[0]),
      rate(farInterval[1]),
    ]),
  );
}

/** What exact thresholds say, where those of the rule are too far apart: of View 1, of the folds. */
function exactFigures({ holdOut, verification }: PairSummary) {
  return [holdOut?.exact, verification.exact].flatMap((one) => one ?? []);
}

function allRows(summary: PairSummary, interval: PairSummary['accuracyInterval']) {
  const { verification, holdOut, calibration, reliability } = summary;
  const { accuracy, standardDeviation, standardError, binomialError, equalErrorRate, areaUnderCurve } = verification;
  return [
    ...exactFigures(summary).map((exact) => [
      'Accuracy with exact thresholds',
      `${percent(exact.accuracy, 2)} %`,
      `the rule's are too far apart for these scores: their best gets ${percent(exact.lost, 2)} % more of all pairs wrong`,
    ]),
    ...(holdOut
      ? [
          [
            'Accuracy at the other list’s threshold',
            `${percent(holdOut.accuracy, 2)} %`,
            `± ${percent(holdOut.binomialError, 2)}, threshold ${score(holdOut.threshold)}`,
          ],
        ]
      : []),
    [
      'Accuracy over folds',
      `${percent(accuracy, 2)} %`,
      `± ${percent(standardDeviation, 2)} standard deviation of folds`,
    ],
    ['', '', `± ${percent(standardError, 2)} standard error of the mean, ± ${percent(binomialError, 2)} binomial`],
    [
      'Accuracy at the best threshold',
      `${percent(summary.bestAccuracy, 2)} %`,
      interval ? `${range(interval, 2)}, drawn again` : '',
    ],
    ['Equal error rate', `${percent(equalErrorRate, 2)} %`, ''],
    ['Area under ROC', areaUnderCurve.toFixed(5), ''],
    [
      'Probability of the same person',
      `1 / (1 + exp(${(-calibration.slope).toFixed(2)} score ${calibration.intercept < 0 ? '+' : '−'} ${Math.abs(calibration.intercept).toFixed(2)}))`,
      'where half of all pairs are',
    ],
    ['Brier score of it', reliability.brier.toFixed(4), ''],
  ];
}
