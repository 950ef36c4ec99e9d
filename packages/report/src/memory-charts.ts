import { histogram } from '@protomem/evaluation';
import { ALONE, countLabels, type HeadCurve, headColor, headDash, type Layer, LOWER, UPPER } from './chart-parts.ts';
import { decimal } from './format.ts';
import type { Html } from './html.ts';
import type { StalenessBin } from './report-data.ts';
import { svgChart } from './svg-chart.ts';

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
