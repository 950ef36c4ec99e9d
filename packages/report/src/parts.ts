import { type Html, html } from './html.ts';
import type { ReportHead, ReportImage } from './report-data.ts';

/** A titled part of the page; nothing when it has nothing to show. */
export function section(
  id: string,
  title: string,
  lead: string,
  ...parts: readonly (Html | undefined)[]
): Html | undefined {
  const shown = parts.filter((part) => part !== undefined);
  if (shown.length === 0) return undefined;
  return html`<section id="${id}"><h2>${title}</h2>${lead && html`<p class="lead">${lead}</p>`}${shown}</section>`;
}

/** Cards beside each other, as many as the window has room for. */
export function grid(...cards: readonly (Html | undefined)[]): Html | undefined {
  const shown = cards.filter((card) => card !== undefined);
  return shown.length > 0 ? html`<div class="grid">${shown}</div>` : undefined;
}

/** A picture with its title, and below it a line that says how to read it. */
export function figure(title: string, note: string, ...charts: readonly (Html | undefined)[]): Html | undefined {
  const shown = charts.filter((chart) => chart !== undefined);
  if (shown.length === 0) return undefined;
  return html`<figure class="card"><figcaption><h3>${title}</h3><p>${note}</p></figcaption><div>${shown}</div></figure>`;
}

/** Which colour and dash is which head; nothing when there is only one. */
export function legend(heads: readonly ReportHead[]): Html | undefined {
  if (heads.length < 2) return undefined;
  return html`<p class="legend">${heads.map((head, i) => html`<span>${swatch(i)}${head.name}</span>`)}</p>`;
}

/** A short stroke as a head's curves are drawn. */
export function swatch(head: number): Html {
  return html`<svg class="swatch head-${head % 4}" viewBox="0 0 22 6" aria-hidden="true"><path d="M0 3H22"/></svg>`;
}

/** Label and value pairs. */
export function facts(entries: readonly (readonly [string, Html | string | number | undefined])[]): Html | undefined {
  const shown = entries.filter(([, value]) => value !== undefined);
  if (shown.length === 0) return undefined;
  return html`<dl class="facts">${shown.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A table whose first column names the rows; wide ones scroll in themselves. */
export function table(
  caption: string,
  columns: readonly (Html | string)[],
  rows: readonly (readonly (Html | string | number)[])[],
): Html {
  return html`<div class="table" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([name, ...cells]) =>
      html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
  )}</tbody></table></div>`;
}

/** An image that travels inside the page. */
export function picture({ bytes, name }: ReportImage): Html {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return html`<img src="data:${mediaType(bytes)};base64,${data}" alt="${name}" title="${name}" width="112" height="112">`;
}

function mediaType(bytes: Uint8Array): string {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return 'image/png';
  if (bytes[0] === 0x52 && bytes[1] === 0x49 && bytes[8] === 0x57) return 'image/webp';
  return 'image/jpeg';
}
