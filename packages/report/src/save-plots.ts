import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@protomem/core/node';
import sharp from 'sharp';
import { style } from './style.ts';

/** Room for the title above a picture, and around it, pixels. */
const [TITLE, MARGIN] = [26, 12];
const PIXEL_RATIO = 3;

/**
 * Writes every chart of a page as `NAME.svg` and `NAME.png`, in the page's light colours, named and titled by its heading.
 *
 * @returns the names.
 */
export async function savePlots(page: string, folder: string): Promise<string[]> {
  const names: string[] = [];
  await mkdir(folder, { recursive: true });
  for (const { title, charts } of chartsOf(page)) {
    const slug = title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '');
    for (const [i, chart] of charts.entries()) {
      const name = charts.length > 1 ? `${slug}-${i + 1}` : slug;
      const svg = standalone(chart, title);
      await writeFileAtomic(join(folder, `${name}.svg`), svg);
      const png = await sharp(Buffer.from(svg), { density: 72 * PIXEL_RATIO })
        .png()
        .toBuffer();
      await writeFileAtomic(join(folder, `${name}.png`), png);
      names.push(name);
    }
  }
  return names;
}

/**
 * Writes a page, and each of its charts into a folder beside it.
 *
 * @returns the folder, and the names of the charts.
 */
export async function savePage(
  page: string,
  out: string,
): Promise<{ readonly plots: string; readonly names: readonly string[] }> {
  await writeFileAtomic(out, page);
  const plots = `${out.replace(/\.html$/, '')}-plots`;
  return { plots, names: await savePlots(page, plots) };
}

function* chartsOf(page: string): Generator<{ title: string; charts: string[] }> {
  for (const card of page.split('<figure class="card"><figcaption><h3>').slice(1)) {
    const [title, body] = [upTo(card, '</h3>'), upTo(card, '</figure>')];
    const drawn = body.split('<svg role="img"').slice(1);
    const charts = drawn.map((rest) => `<svg role="img"${upTo(rest, '</svg>')}</svg>`);
    if (charts.length > 0) yield { title, charts };
  }
}

const upTo = (text: string, end: string): string => text.slice(0, text.indexOf(end));

/** A chart that stands by itself: colours instead of the page's variables, a ground, a title. */
function standalone(chart: string, title: string): string {
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(chart)!;
  const [fullWidth, fullHeight] = [Number(width) + 2 * MARGIN, Number(height) + TITLE + 2 * MARGIN];
  const inner = coloured(chart)
    .replace(/^<svg [^>]*>/, `<svg x="${MARGIN}" y="${MARGIN + TITLE}" width="${width}" height="${height}">`)
    .replaceAll('<text ', '<text font-family="sans-serif" ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${fullWidth}" height="${fullHeight}" viewBox="0 0 ${fullWidth} ${fullHeight}">`,
    `<rect width="100%" height="100%" fill="${colours.get('--card')}"/>`,
    `<text x="${MARGIN}" y="${MARGIN + 14}" font-family="sans-serif" font-size="15" font-weight="600" fill="${colours.get('--ink')}">${title}</text>`,
    inner,
    '</svg>\n',
  ].join('\n');
}

const colours = new Map(
  [...style.slice(0, style.indexOf('}')).matchAll(/\s(--[\w-]+): (#\w+);/g)].map(([, name, value]) => [name!, value!]),
);

function coloured(markup: string): string {
  return markup.replace(/var\((--[\w-]+)\)/g, (all, name) => colours.get(name) ?? all);
}
