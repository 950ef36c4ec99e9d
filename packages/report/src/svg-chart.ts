import type { Config, TopLevelSpec } from 'vega-lite';
import { escapeText, Html } from './html.ts';

/** Width that every chart is drawn for, pixels; the page scales it a little. */
const CHART_WIDTH = 372;

/** Colours are CSS variables of the page, so that one picture serves light, dark and print. */
const config: Config = {
  aria: false,
  background: 'transparent',
  font: 'inherit',
  axis: {
    domain: false,
    ticks: false,
    gridColor: 'var(--line)',
    labelColor: 'var(--muted)',
    labelFontSize: 11,
    labelPadding: 6,
    titleColor: 'var(--muted)',
    titleFontSize: 11,
    titleFontWeight: 'normal',
  },
  axisX: { grid: false, domain: true, domainColor: 'var(--axis)', tickCount: 5, titleAnchor: 'end', titlePadding: 4 },
  axisY: { tickCount: 5 },
  title: { anchor: 'start', color: 'var(--muted)', fontSize: 11, fontWeight: 'normal', offset: 6 },
  view: { stroke: null },
};

/**
 * A Vega-Lite chart without its size and style. As plain data: Vega-Lite's own type is a union so large that charts which
 * are put together of parts do not pass for it; `compile` checks them.
 */
export type ChartSpec = Readonly<Record<string, unknown>>;

/** Room that a chart is drawn in. */
export interface ChartFrame {
  /** Of the whole picture, pixels. */
  readonly height: number;
  /** Room below for the labels and title of the x axis; left out where a chart below shares the axis. */
  readonly labelled: boolean;
}

/** Draws a chart as inline SVG. `description` is what is read out in its place. */
export async function svgChart(spec: ChartSpec, frame: ChartFrame, description: string): Promise<Html> {
  // Fixed room for labels, because text cannot be measured here; it also keeps charts in one column in line.
  const padding = { left: 42, right: 8, top: 'title' in spec ? 24 : 8, bottom: frame.labelled ? 36 : 6 };
  const full = {
    ...spec,
    config,
    width: CHART_WIDTH - padding.left - padding.right,
    height: frame.height - padding.top - padding.bottom,
    padding,
    autosize: 'none',
  } as unknown as TopLevelSpec;
  // Here and not above: vega waits while it loads, and a module that does so cannot be had by `require`.
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new vega.View(vega.parse(compile(full).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return new Html(lean(svg).replace('<svg ', `<svg role="img" aria-label="${escapeText(description)}" `));
}

/** Drops what a still picture does not need: hooks for scripts and tests, empty outlines, roles inside an image. */
function lean(svg: string): string {
  return svg
    .replace(/<path class="(background|foreground)"[^<>]*\/>/g, '')
    .replace(
      / (class|role|aria-[a-z]+|pointer-events|xmlns:xlink|font-family|opacity)="([^"]*)"/g,
      (all, name, value) => (name === 'opacity' && value !== '1' ? all : ''),
    );
}
