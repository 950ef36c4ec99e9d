import * as vega from 'vega';
import { type Config, compile, type TopLevelSpec } from 'vega-lite';
import { escapeText, Html } from './html.ts';

/** Width that every chart is drawn for, pixels; the page scales it a little. */
export const CHART_WIDTH = 372;

/** Colours are CSS variables of the page, so that one picture serves light, dark and print. */
const config: Config = {
  aria: false,
  background: 'transparent',
  font: 'inherit',
  padding: { left: 0, right: 6, top: 4, bottom: 0 },
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
  // A fixed extent keeps charts that stand one above the other in line.
  axisY: { tickCount: 5, minExtent: 34, maxExtent: 34, titlePadding: 0 },
  title: { anchor: 'start', color: 'var(--muted)', fontSize: 11, fontWeight: 'normal', offset: 6 },
  view: { stroke: null },
};

/** A Vega-Lite chart without its size and style. */
export type ChartSpec = Omit<TopLevelSpec, 'config' | 'width' | 'height' | 'autosize'>;

/** Draws a chart as inline SVG. `description` is what is read out in its place. */
export async function svgChart(spec: ChartSpec, height: number, description: string): Promise<Html> {
  const full = {
    ...spec,
    config,
    width: CHART_WIDTH,
    height,
    autosize: { type: 'fit', contains: 'padding' },
  } as TopLevelSpec;
  const view = new vega.View(vega.parse(compile(full).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return new Html(lean(svg).replace('<svg ', `<svg role="img" aria-label="${escapeText(description)}" `));
}

/** Drops what a still picture does not need: hooks for scripts and tests, empty outlines, roles inside an image. */
function lean(svg: string): string {
  return svg
    .replace(/<path class="(background|foreground)"[^>]*\/>/g, '')
    .replace(
      / (class|role|aria-[a-z]+|pointer-events|xmlns:xlink|font-family|opacity)="([^"]*)"/g,
      (all, name, value) => (name === 'opacity' && value !== '1' ? all : ''),
    );
}
