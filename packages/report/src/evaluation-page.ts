import { decimal, duration, moment, percent } from './format.ts';
import { type Html, html } from './html.ts';
import { wholePage } from './page.ts';
import { facts, section } from './parts.ts';

/** What every evaluation's page says above its figures. */
export interface EvaluationFacts {
  readonly model: string;
  /** What ran it: `protomem, node (CPU)`. */
  readonly by: string;
  readonly protocol: string;
  readonly finishedAt: string;
  readonly seconds: number;
  readonly images?: number;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** What was recognised, guessed or suspected about the model. Absent in results of earlier releases. */
  readonly notes?: readonly string[];
}

export function evaluationPage(
  about: EvaluationFacts,
  tiles: Html,
  ...sections: readonly (Html | undefined)[]
): string {
  const options = Object.entries(about.options).map(([name, value]) => [name, String(value)] as const);
  return wholePage(
    about.protocol,
    html`<p class="lead">${about.model}</p>${facts([
      ['Finished', moment(about.finishedAt)],
      ['Took', duration(about.seconds)],
      ['Run by', about.by],
      ...(about.notes ?? []).map((note) => ['Model', note] as const),
      ['Images', about.images === undefined ? undefined : decimal(about.images)],
    ])}`,
    html`${tiles}${sections}${section(
      'run',
      'How it was made',
      '',
      html`<div class="card">${facts([...Object.entries(about.machine), ...options])}</div>`,
    )}`,
  );
}

export function tilesOf(ranks: readonly { readonly rank: number; readonly rate: number }[]): Html {
  return html`<div class="tiles">${ranks.map(({ rank, rate }) => tile(`Rank ${rank}`, percent(rate, 2), ''))}</div>`;
}

export function tile(label: string, value: string, error: string, note = '', unit = '%'): Html {
  return html`<div class="tile"><p class="label">${label}</p><p class="value">${value}${unit && html`<small> ${unit}</small>`}${
    error && html` <span class="error">${error}</span>`
  }</p>${note && html`<p class="other">${note}</p>`}</div>`;
}

export function range([low, high]: readonly [number, number], digits = 1): string {
  return `${percent(low, digits)}–${percent(high, digits)}`;
}

export function score(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : value > 0 ? 'no bound' : 'none';
}
