import type { Histogram } from '@protomem/evaluation';
import { ALONE, headColor, headDash, type Layer } from './chart-parts.ts';
import { logRoc } from './curve-points.ts';
import { decimal } from './format.ts';
import type { Html } from './html.ts';
import type { ReportHead } from './report-data.ts';
import { svgChart } from './svg-chart.ts';

/** ROC curves on a logarithmic FAR axis that begins where the pair list can still tell: at one false match. */
export async function rocCurves(heads: readonly ReportHead[]): Promise<Html | undefined> {
  const verified = heads.flatMap(({ verification }, head) => (verification ? [{ head, verification }] : []));
  if (verified.length === 0) return undefined;
  const lowest = Math.min(0.1, ...verified.map(({ verification }) => 1 / verification.negatives));
  const values = verified.flatMap(({ head, verification }) =>
    logRoc(verification.roc, lowest).map((point) => ({ ...point, head })),
  );
  const floor = Math.floor(Math.min(...values.map(({ tar }) => tar)) * 10) / 10;
  const ticks = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].filter((far) => far >= lowest * 0.999);
  return svgChart(
    {
      data: { values },
      mark: { type: 'line', interpolate: 'step-after', strokeWidth: 1.75 },
      encoding: {
        x: {
          field: 'far',
          type: 'quantitative',
          scale: { type: 'log', domain: [lowest, 1], nice: false },
          axis: { values: ticks, format: '~%', title: 'false accept rate', labelFlush: true },
        },
        y: {
          field: 'tar',
          type: 'quantitative',
          scale: { domain: [Math.min(floor, 0.9), 1] },
          axis: { format: '~%', title: null },
        },
        color: headColor,
        ...(heads.length > 1 ? { strokeDash: headDash } : {}),
      },
    },
    ALONE,
    `ROC: true accept rate against false accept rate on a logarithmic axis from ${lowest.toExponential(0)} to 1.`,
  );
}

/** Cosines that any head's histogram reaches, so that histograms of several heads can be compared. */
export function scoreRange(heads: readonly ReportHead[]): readonly [number, number] {
  const filled = heads.flatMap(({ verification }) =>
    [verification?.scores.same, verification?.scores.different].flatMap((bins) =>
      (bins?.counts ?? []).flatMap((count, i) => (count > 0 ? [bins!.edges[i]!, bins!.edges[i + 1]!] : [])),
    ),
  );
  return [Math.min(-0.2, ...filled), Math.max(0.6, ...filled)];
}

/** Scores of pairs of the same person and of different people, with the threshold between them. */
export async function scoreHistogram(
  head: ReportHead,
  domain: readonly [number, number],
  options: { readonly small: boolean; readonly axis: boolean },
): Promise<Html | undefined> {
  if (!head.verification) return undefined;
  const { scores, threshold, positives, negatives } = head.verification;
  const bars = (kind: string, { edges, counts }: Histogram, total: number): Layer[] =>
    counts.flatMap((count, i) => (count > 0 ? [{ kind, from: edges[i], to: edges[i + 1], share: count / total }] : []));
  const values = [...bars('different', scores.different, negatives), ...bars('same', scores.same, positives)];
  const inside = Number.isFinite(threshold) && threshold > domain[0] && threshold < domain[1];
  return svgChart(
    {
      layer: [
        {
          data: { values },
          mark: { type: 'rect', opacity: 0.6 },
          encoding: {
            x: {
              field: 'from',
              type: 'quantitative',
              scale: { domain, nice: false },
              axis: options.axis ? { title: 'cosine', labelFlush: true } : { title: null, labels: false },
            },
            x2: { field: 'to' },
            y: {
              field: 'share',
              type: 'quantitative',
              title: null,
              stack: null,
              axis: { format: '~%', tickCount: options.small ? 3 : 5 },
            },
            y2: { datum: 0 },
            color: {
              field: 'kind',
              type: 'nominal',
              legend: null,
              scale: { domain: ['different', 'same'], range: ['var(--different)', 'var(--same)'] },
            },
          },
        },
        ...(inside
          ? [
              {
                data: { values: [{ threshold }] },
                mark: { type: 'rule', color: 'var(--ink)', strokeDash: [3, 3] },
                encoding: { x: { field: 'threshold', type: 'quantitative' } },
              },
              {
                data: { values: [{ threshold }] },
                mark: { type: 'text', align: 'left', dx: 5, dy: 4, baseline: 'top', fontSize: 11, color: 'var(--ink)' },
                encoding: {
                  x: { field: 'threshold', type: 'quantitative' },
                  y: { value: 0 },
                  text: { field: 'threshold', type: 'quantitative', format: '.3f' },
                },
              },
            ]
          : []),
      ],
    },
    options.small ? { height: options.axis ? 142 : 112, labelled: options.axis } : ALONE,
    `Histogram of cosines: ${decimal(positives)} pairs of the same person, ${decimal(negatives)} of different people, best threshold ${decimal(threshold, 3)}.`,
  );
}
