import { detCurve, probit, type Reliability, type VerificationFold } from '@protomem/evaluation';
import type { RocBand } from '@protomem/protocols';
import { logRoc } from './curve-points.ts';
import { decimal, percent } from './format.ts';
import type { Html } from './html.ts';
import { svgChart } from './svg-chart.ts';

const FRAME = { height: 246, labelled: true };
const LINE = { type: 'line', strokeWidth: 1.75, color: 'var(--head-0)' };
const BAND = { type: 'area', opacity: 0.16, color: 'var(--head-0)' };

type Curve = { readonly far: readonly number[]; readonly tar: readonly number[] };

/** ROC on a logarithmic FAR axis, with its band. */
export function rocWithBand(roc: Curve, band: RocBand, negatives: number): Promise<Html> {
  const lowest = Math.max(1e-7, Math.min(0.1, 1 / negatives));
  const values = logRoc(roc, lowest);
  const banded = band.far.map((far, i) => ({ far, low: band.low[i], high: band.high[i] }));
  const lowestTar = Math.min(...band.low, ...values.map(({ tar }) => tar));
  // From a round number a little below the curve to 1.
  const room = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1].find((one) => one >= 1 - lowestTar) ?? 1;
  const ticks = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].filter((far) => far >= lowest * 0.999);
  const x = {
    field: 'far',
    type: 'quantitative',
    scale: { type: 'log', domain: [lowest, 1], nice: false },
    axis: { values: ticks, format: '~%', title: 'false accept rate', labelFlush: true },
  };
  const y = {
    type: 'quantitative',
    title: null,
    scale: { domain: [1 - room, 1] },
    axis: { format: '~%' },
  };
  return svgChart(
    {
      layer: [
        {
          data: { values: banded },
          mark: BAND,
          encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
        },
        { data: { values }, mark: { ...LINE, interpolate: 'step-after' }, encoding: { x, y: { ...y, field: 'tar' } } },
      ],
    },
    FRAME,
    `ROC: true accept rate against false accept rate on a logarithmic axis from ${lowest.toExponential(0)} to 1, with a 95 % band.`,
  );
}

/** Rates that a DET plot has ticks at. */
const detTicks = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8];

/** Misses against false accepts, both by the normal quantile: a straight line for scores that are normal. */
export function detChart(roc: Curve, equalErrorRate: number): Promise<Html> {
  const curve = detCurve({
    thresholds: new Float64Array(roc.far.length),
    far: Float64Array.from(roc.far),
    tar: Float64Array.from(roc.tar),
    positives: 1,
    negatives: 1,
  });
  const values = Array.from(curve.far, (far, i) => ({ far, frr: curve.frr[i]! }))
    .filter(({ far, frr }) => far > 1e-9 && far < 1 && frr > 1e-9 && frr < 1)
    .map(({ far, frr }) => ({ x: probit(far), y: probit(frr), far, frr }));
  const shown = values.filter((_, i) => i % Math.ceil(values.length / 800) === 0);
  const ends = (pick: 'far' | 'frr'): number[] => {
    const rates = shown.map((point) => point[pick]);
    const low = detTicks.findLast((tick) => tick <= Math.min(...rates, equalErrorRate)) ?? detTicks[0]!;
    const high = detTicks.find((tick) => tick >= Math.max(...rates, equalErrorRate) * 0.999) ?? detTicks.at(-1)!;
    return [probit(low), probit(high)];
  };
  const scaleAndAxis = (pick: 'far' | 'frr', title: string | null) => {
    const [low, high] = ends(pick) as [number, number];
    const ticks = detTicks.filter((tick) => probit(tick) >= low && probit(tick) <= high);
    // Labels by place: the axis itself knows only quantiles.
    const cases = ticks.map((tick) => `abs(datum.value - (${probit(tick)})) < 1e-6 ? '${percentLabel(tick)}' : `);
    return {
      type: 'quantitative',
      title,
      scale: { domain: [low, high], nice: false, zero: false },
      axis: { values: ticks.map(probit), labelExpr: `${cases.join('')}''`, labelFlush: true, labelOverlap: false },
    };
  };
  const x = { field: 'x', ...scaleAndAxis('far', 'false accept rate') };
  const y = { field: 'y', ...scaleAndAxis('frr', null) };
  const equal =
    equalErrorRate > 0 && equalErrorRate < 1
      ? [{ x: probit(equalErrorRate), y: probit(equalErrorRate), label: `${percent(equalErrorRate, 2)} %` }]
      : [];
  return svgChart(
    {
      layer: [
        { data: { values: shown }, mark: { ...LINE, clip: true }, encoding: { x, y, order: { field: 'x' } } },
        {
          data: { values: equal },
          mark: { type: 'point', filled: true, size: 42, opacity: 1, color: 'var(--ink)' },
          encoding: { x, y },
        },
        {
          data: { values: equal },
          mark: { type: 'text', align: 'left', dx: 8, dy: -8, fontSize: 11, color: 'var(--ink)' },
          encoding: { x, y, text: { field: 'label' } },
        },
      ],
    },
    FRAME,
    `DET: false reject rate against false accept rate, both axes by the normal quantile; equal at ${percent(equalErrorRate, 2)} %.`,
  );
}

function percentLabel(rate: number): string {
  return `${decimal(100 * rate, 4)}%`;
}

/** Accuracy of each fold, and their mean. */
export function foldChart(folds: readonly VerificationFold[], mean: number, pairs: number): Promise<Html> {
  const values = folds.map(({ accuracy }, i) => {
    const error = Math.sqrt((accuracy * (1 - accuracy)) / (pairs / folds.length));
    return { fold: i + 1, accuracy, low: Math.max(0, accuracy - error), high: Math.min(1, accuracy + error) };
  });
  const x = { field: 'fold', type: 'ordinal', axis: { title: 'fold', labelAngle: 0 }, scale: { padding: 0.5 } };
  const y = { type: 'quantitative', title: null, scale: { zero: false, nice: true }, axis: { format: '~%' } };
  return svgChart(
    {
      data: { values },
      layer: [
        {
          mark: { type: 'rule', opacity: 0.45, color: 'var(--head-0)' },
          encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
        },
        {
          mark: { type: 'point', filled: true, size: 46, opacity: 1, color: 'var(--head-0)' },
          encoding: { x, y: { ...y, field: 'accuracy' } },
        },
        {
          data: { values: [{ mean }] },
          mark: { type: 'rule', strokeDash: [3, 3], color: 'var(--ink)' },
          encoding: { y: { ...y, field: 'mean' } },
        },
      ],
    },
    FRAME,
    `Accuracy of ${folds.length} folds, from ${percent(Math.min(...folds.map((fold) => fold.accuracy)))} to ${percent(Math.max(...folds.map((fold) => fold.accuracy)))} %, mean ${percent(mean)} %.`,
  );
}

/** Predicted probability against what came true. */
export function reliabilityChart({ bins }: Reliability): Promise<Html> {
  const x = {
    type: 'quantitative',
    scale: { domain: [0, 1] },
    axis: { format: '~%', title: 'said probability', labelFlush: true },
  };
  const y = { type: 'quantitative', title: null, scale: { domain: [0, 1] }, axis: { format: '~%' } };
  const at = { x: { ...x, field: 'probability' }, y: { ...y, field: 'share' } };
  return svgChart(
    {
      layer: [
        {
          data: {
            values: [
              { probability: 0, share: 0 },
              { probability: 1, share: 1 },
            ],
          },
          mark: { type: 'line', strokeDash: [3, 3], strokeWidth: 1, color: 'var(--muted)' },
          encoding: at,
        },
        { data: { values: bins }, mark: LINE, encoding: at },
        {
          data: { values: bins },
          mark: { type: 'point', filled: true, opacity: 1, color: 'var(--head-0)' },
          encoding: {
            ...at,
            size: { field: 'count', type: 'quantitative', legend: null, scale: { type: 'sqrt', range: [16, 160] } },
          },
        },
      ],
    },
    FRAME,
    `Reliability of probabilities: ${bins.map(({ probability, share }) => `${percent(share)} % true where ${percent(probability)} % was said`).join(', ')}.`,
  );
}

/** Share of probes found among the first k. */
export function rankChart(points: readonly { readonly rank: number; readonly rate: number }[]): Promise<Html> {
  const x = { field: 'rank', type: 'ordinal', axis: { title: 'rank', labelAngle: 0 } };
  const y = {
    field: 'rate',
    type: 'quantitative',
    title: null,
    scale: { zero: false, nice: true, domainMax: 1 },
    axis: { format: '~%' },
  };
  return svgChart(
    {
      data: { values: points },
      layer: [
        { mark: LINE, encoding: { x, y } },
        { mark: { type: 'point', filled: true, size: 46, opacity: 1, color: 'var(--head-0)' }, encoding: { x, y } },
      ],
    },
    FRAME,
    `Found among the first: ${points.map(({ rank, rate }) => `${percent(rate)} % at ${rank}`).join(', ')}.`,
  );
}
