import type { ChartFrame } from './svg-chart.ts';

/** Height of a chart that stands alone, and of two that share a card. */
export const ALONE: ChartFrame = { height: 246, labelled: true };
export const UPPER: ChartFrame = { height: 138, labelled: false };
export const LOWER: ChartFrame = { height: 108, labelled: true };

/** A curve of one head, drawn in the colour of that head's place in the report. */
export interface HeadCurve<T> {
  readonly head: number;
  readonly points: readonly T[];
}

export type Layer = Record<string, unknown>;

/** Colour and dash of each head, so that the curves stay apart without colour too. */
export const headColor = {
  field: 'head',
  type: 'nominal',
  legend: null,
  scale: { domain: [0, 1, 2, 3], range: ['var(--head-0)', 'var(--head-1)', 'var(--head-2)', 'var(--head-3)'] },
};
export const headDash = {
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
export const countLabels = {
  labelExpr: "datum.value < 1000 ? format(datum.value, '~g') : format(datum.value / 1000, '~g') + 'k'",
};
export const stepAxis = (shown: boolean): Layer =>
  shown ? { title: 'step', ...countLabels, labelFlush: true } : { title: null, labels: false };
