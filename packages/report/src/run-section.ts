import type { Json } from '@protomem/core';
import { type Html, html } from './html.ts';
import { facts, section, table } from './parts.ts';
import type { ReportData } from './report-data.ts';

/** How to get the same run again: data, machine, engine, configuration, and what went wrong on the way. */
export function runSection({
  dataset,
  machine,
  engine,
  config,
  heads,
  plan = [],
  skipped = [],
}: ReportData): Html | undefined {
  // Runs of earlier releases name them otherwise.
  const { rejected = [] } = engine;
  const entries = flat(config);
  const changes = heads.flatMap(({ name, changes: each = [] }) => each.map((change) => ({ name, ...change })));
  return section(
    'run',
    'The run',
    '',
    html`<div class="halves"><div class="card"><h3>Machine and engine</h3>${facts([
      ...Object.entries(machine),
      ['Engine', engine.engine],
      ['Backend', engine.backend],
      ['Device', engine.device],
      ['Library', engine.version],
      ['Threads', engine.threads],
      ['Precision', engine.precision],
    ])}</div>${dataset && html`<div class="card"><h3>Data</h3>${facts(Object.entries(dataset))}</div>`}</div>`,
    plan.length > 0
      ? html`<div class="card"><h3>What was planned</h3>${plan.map((sentence) => html`<p>${sentence}</p>`)}</div>`
      : undefined,
    html`${heads.map(
      ({ name, outcome = [] }) =>
        outcome.length > 0 &&
        html`<div class="card"><h3>What came out: ${name}</h3>${outcome.map((sentence) => html`<p>${sentence}</p>`)}</div>`,
    )}`,
    rejected.length > 0
      ? html`<details><summary>Engines not used (${rejected.length})</summary>${table(
          'Engines, and why they were not used',
          ['Engine', 'Reason'],
          rejected.map(({ engine: name, reason }) => [name, reason]),
        )}</details>`
      : undefined,
    changes.length > 0
      ? html`<details open><summary>Changed when the run went on (${changes.length})</summary>${table(
          'What was changed at a resume',
          ['Head', 'From step', 'Key', 'Before', 'After'],
          changes.map(({ name, step, key, saved, now }) => [
            name,
            String(step),
            html`<code>${key.replace(/^config\./, '')}</code>`,
            html`<code>${text(saved)}</code>`,
            html`<code>${text(now)}</code>`,
          ]),
        )}</details>`
      : undefined,
    skipped.length > 0
      ? html`<details open><summary>Images skipped (${skipped.length})</summary>${table(
          'Images that could not be read',
          ['Image', 'Reason'],
          skipped.map(({ name, reason }) => [name, reason]),
        )}</details>`
      : undefined,
    entries.length > 0
      ? html`<details><summary>Configuration</summary>${table(
          'Resolved configuration',
          ['Key', 'Value'],
          entries.map(([key, value]) => [html`<code>${key}</code>`, html`<code>${value}</code>`]),
        )}</details>`
      : undefined,
  );
}

const text = (value: Json | undefined): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** `{ a: { b: 1 } }` as `a.b` = `1`: the form in which options are set on the command line. */
function flat(value: Json, path = ''): [string, string][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) => flat(inner, path ? `${path}.${key}` : key));
  }
  return path ? [[path, JSON.stringify(value)]] : [];
}
