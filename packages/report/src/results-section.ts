import type { TarAtFar, VerificationReport } from '@protomem/evaluation';
import { decimal, duration, percent, rate } from './format.ts';
import { type Html, html } from './html.ts';
import { figure, grid, section, swatch, table } from './parts.ts';
import type { ReportData, ReportHead } from './report-data.ts';
import { rocCurves, scoreHistogram, scoreRange } from './verification-charts.ts';

/** The few numbers that a reader came for, large; below each, those of the heads that it is compared with. */
export function tiles({ heads }: ReportData): Html {
  const main = heads[0]!.verification;
  const shownFars = main?.tarAtFar.filter(({ reachable, far }) => reachable && far < 0.1).slice(0, 2) ?? [];
  return html`<div class="tiles">
${main && tile('Accuracy', '%', heads, accuracyOf, ({ binomialError }) => `± ${percent(binomialError)}`)}
${shownFars.map(({ far }) =>
  tile(
    `TAR at FAR ${rate(far)}`,
    '%',
    heads,
    (verification) => tarOf(verification, far),
    (verification) => `± ${percent(verification.tarAtFar.find((entry) => entry.far === far)?.standardError ?? 0)}`,
  ),
)}
${main && tile('Equal error rate', '%', heads, (verification) => percent(verification.equalErrorRate))}
${main && tile('Area under ROC', '', heads, (verification) => verification.areaUnderCurve.toFixed(4))}
${speedTile(heads)}
</div>`;
}

function tile(
  label: string,
  unit: string,
  heads: readonly ReportHead[],
  value: (verification: VerificationReport) => string,
  error?: (verification: VerificationReport) => string,
): Html {
  const main = heads[0]!.verification!;
  return html`<div class="tile"><p class="label">${label}</p><p class="value">${value(main)}${unit && html`<small> ${unit}</small>`}${
    error && html` <span class="error">${error(main)}</span>`
  }</p>${heads
    .slice(1)
    .map(
      (head, i) => head.verification && html`<p class="other">${swatch(i + 1)}${value(head.verification)} ${unit}</p>`,
    )}</div>`;
}

function speedTile(heads: readonly ReportHead[]): Html {
  return html`<div class="tile"><p class="label">Training speed</p><p class="value">${decimal(
    heads[0]!.imagesPerSecond,
  )}<small> images/s</small></p>${heads
    .slice(1)
    .map((head, i) => html`<p class="other">${swatch(i + 1)}${decimal(head.imagesPerSecond)} images/s</p>`)}</div>`;
}

/** ROC, histograms and every number in a table. */
export async function resultsSection({ heads, protocol }: ReportData): Promise<Html | undefined> {
  const verified = heads.filter((head) => head.verification);
  if (verified.length === 0) return undefined;
  const several = verified.length > 1;
  const range = scoreRange(verified);
  const histograms = await Promise.all(
    verified.map(async (head, i) => {
      const chart = await scoreHistogram(head, range, { small: several, axis: i === verified.length - 1 });
      return several ? html`<p class="panel">${swatch(heads.indexOf(head))}${head.name}</p>${chart}` : chart;
    }),
  );
  const { positives, negatives } = verified[0]!.verification!;
  return section(
    'results',
    'Verification',
    `${protocol ? `${protocol}. ` : ''}${decimal(positives)} pairs of the same person, ${decimal(negatives)} of different people.`,
    grid(
      figure(
        'ROC',
        'Share of same-person pairs accepted, for each share of strangers let through. The axis begins at one false match.',
        await rocCurves(heads),
      ),
      figure(
        'Scores',
        'How alike the encoder finds two images; the dashed line is the best threshold.',
        html`<p class="legend"><span><i class="box different"></i>different people</span><span><i class="box same"></i>same person</span></p>`,
        ...histograms,
      ),
      html`<div class="card">${tarTable(heads)}</div>`,
    ),
    resultsTable(heads),
  );
}

/** A column for each head; the threshold too where there is only one. */
function tarTable(heads: readonly ReportHead[]): Html {
  const fars = [...new Set(heads.flatMap(({ verification }) => (verification?.tarAtFar ?? []).map(({ far }) => far)))];
  const entryOf = ({ verification }: ReportHead, far: number): TarAtFar | undefined =>
    verification?.tarAtFar.find((entry) => entry.far === far);
  const cell = ({ tar, standardError }: Pick<TarAtFar, 'tar' | 'standardError'> = unreachable): Html | string =>
    tar === null ? html`<span class="muted">too few pairs</span>` : `${percent(tar)} ± ${percent(standardError!)}`;
  const single = heads.length === 1;
  return table(
    'True accept rate, %',
    ['at FAR', ...(single ? ['TAR', 'Threshold'] : heads.map(({ name }, i) => html`${swatch(i)}${name}`))],
    fars.map((far) => [
      rate(far),
      ...heads.map((head) => cell(entryOf(head, far))),
      ...(single ? [entryOf(heads[0]!, far)?.threshold?.toFixed(3) ?? ''] : []),
    ]),
  );
}

const unreachable = { tar: null, standardError: null };

function resultsTable(heads: readonly ReportHead[]): Html {
  return table(
    'All measures',
    ['', 'Accuracy, %', '± binomial', '± between folds', 'EER, %', 'AUC', 'Images/s', 'Training'],
    heads.map((head, i) => [
      html`${heads.length > 1 && swatch(i)}${head.name}${head.description && html`<small>${head.description}</small>`}`,
      ...(head.verification
        ? [
            percent(head.verification.accuracy, 2),
            percent(head.verification.binomialError, 2),
            percent(head.verification.standardError, 2),
            percent(head.verification.equalErrorRate, 2),
            head.verification.areaUnderCurve.toFixed(4),
          ]
        : ['', '', '', '', '']),
      decimal(head.imagesPerSecond),
      duration(head.seconds),
    ]),
  );
}

function accuracyOf({ accuracy }: VerificationReport): string {
  return percent(accuracy);
}

function tarOf(verification: VerificationReport, far: number): string {
  const tar = verification.tarAtFar.find((entry) => entry.far === far)?.tar;
  return tar === null || tar === undefined ? '\u2013' : percent(tar);
}
