import { type Histogram, histogram } from '@protomem/evaluation';
import { logRoc, thin } from './curve-points.ts';
import { decimal, percent } from './format.ts';
import type { Html } from './html.ts';
import type { ReportHead, StalenessBin } from './report-data.ts';
import { type ChartFrame, svgChart } from './svg-chart.ts';

/** Height of a chart that stands alone, and of two that share a card. */
const ALONE: ChartFrame = { height: 246, labelled: true };
const UPPER: ChartFrame = { height: 138, labelled: false };
const LOWER: ChartFrame = { height: 108, labelled: true };

/** A curve of one head, drawn in the colour of that head's place in the report. */
export interface HeadCurve<T> {
  readonly head: number;
  readonly points: readonly T[];
}

type Layer = Record<string, unknown>;

/** Colour and dash of each head, so that the curves stay apart without colour too. */
const headColor = {
  field: 'head',
  type: 'nominal',
  legend: null,
  scale: { domain: [0, 1, 2, 3], range: ['var(--head-0)', 'var(--head-1)', 'var(--head-2)', 'var(--head-3)'] },
};
const headDash = {
  field: 'head',
  type: 'nominal',
  legend: null,
  scale: {
    domain: [0, 1, 2, 3],
    range: [
      [1, 0],
      [6, 3],
      [2, 3],
      [8, 3, 2, 3],
    ],
  },
};
/** 500, 1k, 1.5k: the same form at every tick, which d3's SI format does not give. */
const countLabels = {
  labelExpr: "datum.value < 1000 ? format(datum.value, '~g') : format(datum.value / 1000, '~g') + 'k'",
};
const stepAxis = (shown: boolean): Layer =>
  shown ? { title: 'step', ...countLabels, labelFlush: true } : { title: null, labels: false };

/** One quantity over the steps, for every head that has it; undefined when none has. */
export async function stepCurves(
  heads: readonly ReportHead[],
  quantity: 'loss' | 'learningRate' | 'imagesPerSecond' | 'dataWait' | 'hitRate' | 'occupancy',
  options: { readonly label: string; readonly format: string; readonly place: 'alone' | 'upper' | 'lower' },
): Promise<Html | undefined> {
  const curves = heads.map((head) =>
    thin(head.steps.flatMap((step) => (step[quantity] === undefined ? [] : [{ x: step.step, y: step[quantity] }]))),
  );
  const values = curves.flatMap((points, head) => points.map((point) => ({ ...point, head })));
  if (values.length < 2) return undefined;
  const share = options.format.includes('%');
  const y = {
    field: 'mean',
    type: 'quantitative',
    title: null,
    axis: { format: options.format, ...(options.place === 'alone' ? {} : { tickCount: 3 }) },
    // Shares are read against the whole; a loss is read for its course.
    scale: { zero: quantity !== 'loss', ...(share ? { domainMax: 1 } : {}), nice: true },
  };
  const x = { field: 'x', type: 'quantitative', axis: stepAxis(options.place !== 'upper'), scale: { nice: false } };
  return svgChart(
    {
      ...(options.place === 'lower' ? { title: options.label } : {}),
      data: { values },
      layer: [
        {
          mark: { type: 'area', opacity: 0.16 },
          encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color: headColor },
        },
        {
          mark: { type: 'line', strokeWidth: 1.75, strokeJoin: 'round' },
          encoding: { x, y, color: headColor, ...(heads.length > 1 ? { strokeDash: headDash } : {}) },
        },
      ],
    },
    { alone: ALONE, upper: UPPER, lower: LOWER }[options.place],
    `${options.label} over training steps, from ${describe(curves.flatMap((c) => c.slice(0, 1)))} to ${describe(
      curves.flatMap((c) => c.slice(-1)),
    )}.`,
  );
}

/** Verification accuracy during training, with standard errors. */
export async function accuracyCurves(heads: readonly ReportHead[]): Promise<Html | undefined> {
  const values = heads.flatMap((head, index) =>
    (head.evaluations ?? []).map(({ step, accuracy, standardError = 0 }) => ({
      head: index,
      step,
      accuracy,
      low: accuracy - standardError,
      high: Math.min(1, accuracy + standardError),
    })),
  );
  if (values.length < 2) return undefined;
  const x = { field: 'step', type: 'quantitative', axis: stepAxis(true), scale: { nice: false, padding: 6 } };
  const y = { field: 'accuracy', type: 'quantitative', title: null, axis: { format: '~%' }, scale: { zero: false } };
  return svgChart(
    {
      data: { values },
      layer: [
        {
          mark: { type: 'rule', opacity: 0.45 },
          encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color: headColor },
        },
        {
          mark: { type: 'line', strokeWidth: 1.75 },
          encoding: { x, y, color: headColor, ...(heads.length > 1 ? { strokeDash: headDash } : {}) },
        },
        { mark: { type: 'point', filled: true, size: 30, opacity: 1 }, encoding: { x, y, color: headColor } },
      ],
    },
    ALONE,
    `Verification accuracy during training, ${percent(values.at(-1)!.accuracy)} % at the end.`,
  );
}

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

/** Cosine of stored and fresh prototypes against age, and how many were probed at each age. */
export async function stalenessCurves(
  curves: readonly HeadCurve<StalenessBin>[],
  heads: number,
): Promise<[Html, Html]> {
  const values = curves.flatMap(({ head, points }) =>
    points.map((bin) => ({ ...bin, head, age: (bin.from + bin.to) / 2, end: bin.to + 1 })),
  );
  const lowest = Math.min(...values.map(({ low, meanCosine }) => low ?? meanCosine));
  const domain = [Math.max(-1, Math.min(0.9, Math.floor(lowest * 10) / 10)), 1];
  const oldest = Math.max(...values.map(({ end }) => end));
  const x = (shown: boolean): Layer => ({
    field: 'age',
    type: 'quantitative',
    scale: { domain: [0, oldest], nice: false },
    axis: shown ? { title: 'age in steps', ...countLabels, labelFlush: true } : { title: null, labels: false },
  });
  const y = { field: 'meanCosine', type: 'quantitative', title: null, scale: { domain }, axis: { tickCount: 4 } };
  const dash = heads > 1 ? { strokeDash: headDash } : {};
  const cosines = svgChart(
    {
      layer: [
        {
          data: { values: values.filter(({ low, high }) => low !== undefined && high !== undefined) },
          mark: { type: 'area', opacity: 0.16 },
          encoding: { x: x(false), y: { ...y, field: 'low' }, y2: { field: 'high' }, color: headColor },
        },
        {
          data: { values },
          mark: { type: 'line', strokeWidth: 1.75 },
          encoding: { x: x(false), y, color: headColor, ...dash },
        },
        {
          data: { values },
          mark: { type: 'point', filled: true, size: 26, opacity: 1 },
          encoding: { x: x(false), y, color: headColor },
        },
      ],
    },
    UPPER,
    `Cosine between stored and fresh prototypes against age: ${values
      .filter((_, i) => i % Math.ceil(values.length / 6) === 0)
      .map(({ age, meanCosine }) => `${decimal(meanCosine, 3)} at age ${decimal(age)}`)
      .join(', ')}.`,
  );
  const counts = svgChart(
    {
      title: 'Prototypes probed',
      data: { values },
      mark: { type: 'rect', opacity: 0.6, stroke: 'var(--card)', strokeWidth: 1 },
      encoding: {
        x: { ...x(true), field: 'from' },
        x2: { field: 'end' },
        y: { field: 'count', type: 'quantitative', title: null, stack: null, axis: { tickCount: 2, format: '~s' } },
        y2: { datum: 0 },
        color: headColor,
      },
    },
    LOWER,
    `Prototypes probed at each age, ${decimal(values.reduce((sum, { count }) => sum + count, 0))} in all.`,
  );
  return Promise.all([cosines, counts]);
}

/** How long ago the prototypes in memory were refreshed. */
export async function ageHistogram(curves: readonly HeadCurve<number>[]): Promise<Html> {
  const oldest = Math.max(1, ...curves.map(({ points }) => points.reduce((a, b) => Math.max(a, b), 0)));
  const bins = Math.min(30, Math.ceil(oldest) + 1);
  const values = curves.flatMap(({ head, points }) => {
    const { edges, counts } = histogram(points, bins, 0, oldest + 1);
    return counts.map((count, i) => ({ head, from: edges[i], to: edges[i + 1], count }));
  });
  return svgChart(
    {
      data: { values },
      mark: { type: 'rect', opacity: 0.6, stroke: 'var(--card)', strokeWidth: 1 },
      encoding: {
        x: {
          field: 'from',
          type: 'quantitative',
          scale: { domain: [0, oldest + 1], nice: false },
          axis: { title: 'age in steps', ...countLabels, labelFlush: true },
        },
        x2: { field: 'to' },
        y: { field: 'count', type: 'quantitative', title: null, stack: null, axis: { format: '~s' } },
        y2: { datum: 0 },
        color: headColor,
      },
    },
    ALONE,
    `Ages of the prototypes in memory, ${decimal(oldest)} steps at most.`,
  );
}

function describe(points: readonly { readonly mean: number }[]): string {
  return points.map(({ mean }) => decimal(mean, mean < 0.1 ? 5 : 3)).join(' and ');
}
