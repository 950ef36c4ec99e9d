import { check } from '@protomem/core';
import { errorsSection, facesSection } from './faces-section.ts';
import { duration, moment } from './format.ts';
import { Html, html } from './html.ts';
import { memorySection } from './memory-section.ts';
import { facts, legend } from './parts.ts';
import type { ReportData } from './report-data.ts';
import { resultsSection, tiles } from './results-section.ts';
import { runSection } from './run-section.ts';
import { style } from './style.ts';
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
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(style)}</style>
</head>
<body>
<header>
<p class="eyebrow">protomem</p>
<h1>${title}</h1>
${summary && html`<p class="lead">${summary}</p>`}
${facts([
  ['Finished', moment(finishedAt)],
  ['Took', duration(seconds)],
  ['Engine', `${engine.engine}, ${engine.device}`],
  ['Seed', seed],
])}
</header>
<main>
${legend(data.heads)}
${tiles(data)}
${sections}
</main>
</body>
</html>
`;
  return page.markup;
}
