import { check } from '@protomem/core';
import { errorsSection, facesSection } from './faces-section.ts';
import { duration, moment } from './format.ts';
import { html } from './html.ts';
import { memorySection } from './memory-section.ts';
import { wholePage } from './page.ts';
import { facts, legend } from './parts.ts';
import type { ReportData } from './report-data.ts';
import { resultsSection, tiles } from './results-section.ts';
import { runSection } from './run-section.ts';
import { trainingSection } from './training-section.ts';

/**
 * Draws a run as one HTML page that needs nothing else: pictures, styles and images are inside it, and no script.
 * Sections for which `data` has nothing are left out.
 *
 * @throws ProtomemError when `data` has no head.
 *
 * @example
 * ```ts
 * await writeFileAtomic(join(folder, 'report.html'), await renderReport(data));
 * ```
 */
export async function renderReport(data: ReportData): Promise<string> {
  check(data.heads.length > 0, () => ({
    where: 'renderReport',
    what: 'heads',
    got: 'empty',
    expected: 'at least one trained head',
  }));
  const { title, summary, finishedAt, seconds, seed, engine } = data;
  const sections = [
    await resultsSection(data),
    await trainingSection(data),
    await memorySection(data),
    errorsSection(data),
    facesSection(data),
    runSection(data),
  ];
  return wholePage(
    title,
    html`${summary && html`<p class="lead">${summary}</p>`}
${facts([
  ['Finished', moment(finishedAt)],
  ['Training took', duration(seconds)],
  ['Engine', `${engine.engine}, ${engine.device}`],
  ['Seed', seed],
])}`,
    html`${legend(data.heads)}
${tiles(data)}
${sections}`,
  );
}
