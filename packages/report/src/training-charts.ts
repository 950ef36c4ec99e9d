import { ALONE, headColor, headDash, LOWER, stepAxis, UPPER } from './chart-parts.ts';
import { thin } from './curve-points.ts';
import { decimal, percent } from './format.ts';
import type { Html } from './html.ts';
import type { ReportHead } from './report-data.ts';
import { svgChart } from './svg-chart.ts';

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

function describe(points: readonly { readonly mean: number }[]): string {
  return points.map(({ mean }) => decimal(mean, mean < 0.1 ? 5 : 3)).join(' and ');
}
