import { type Html, html } from './html.ts';
import { picture, section } from './parts.ts';
import type { ReportData, ReportHead, ReportPair } from './report-data.ts';

/** What the encoder gets most wrong. */
export function errorsSection({ heads }: Pick<ReportData, 'heads'>): Html | undefined {
  return section(
    'errors',
    'Hardest pairs',
    'The pairs furthest on the wrong side. Look for wrong labels and bad crops before blaming the encoder.',
    ...heads.map((head) => errorsOf(head, heads.length > 1)),
  );
}

function errorsOf({ name, falseMatches = [], falseNonMatches = [] }: ReportHead, named: boolean): Html | undefined {
  if (falseMatches.length + falseNonMatches.length === 0) return undefined;
  return html`${named && html`<h3>${name}</h3>`}<div class="halves">${pairCard(
    'Different people, highest scores',
    falseMatches,
  )}${pairCard('Same person, lowest scores', falseNonMatches)}</div>`;
}

/** Pairs of faces with their cosines, where there are any. */
export function pairCard(title: string, pairs: readonly ReportPair[]): Html | undefined {
  if (pairs.length === 0) return undefined;
  return html`<div class="card"><h4>${title}</h4><ul class="pairs">${pairs.map(
    ({ first, second, score }) =>
      html`<li>${picture(first)}${picture(second)}<span class="score">${score.toFixed(3)}</span></li>`,
  )}</ul></div>`;
}

/** Some of the training images, a row for each identity. */
export function facesSection({ faces = [] }: ReportData): Html | undefined {
  if (faces.length === 0) return undefined;
  return section(
    'faces',
    'Training images',
    'As the encoder sees them; one identity a row.',
    html`<div class="card faces">${faces.map(
      ({ identity, images }) =>
        html`<div class="identity"><span>${identity}</span><div>${images.map((image) => picture(image))}</div></div>`,
    )}</div>`,
  );
}
