import { writeFile } from 'node:fs/promises';
import { verificationReport } from '@protomem/evaluation';
import { renderReport, savePlots } from '@protomem/report';

// Scores of pairs, and whether they show one person: yours stand here.
const labels = Array.from({ length: 200 }, (_, i) => Number(i % 2 === 0));
const scores = labels.map((same, i) => (same ? 0.5 : 0) + 0.3 * Math.sin(i));
const steps = Array.from({ length: 100 }, (_, i) => ({ step: i + 1, loss: 10 / (1 + i / 20) }));
const page = await renderReport({
  title: 'My encoder',
  finishedAt: '2026-11-28T12:00:00.000Z',
  seconds: 60,
  seed: 0,
  engine: {
    engine: 'node',
    backend: 'tensorflow',
    device: 'CPU',
    version: '2.21',
    threads: 2,
    precision: 'float32',
    rejected: [],
  },
  machine: { CPU: 'mine' },
  heads: [{ name: 'Mine', seconds: 60, imagesPerSecond: 100, steps, verification: verificationReport(scores, labels) }],
  config: { steps: 100 },
});
await writeFile('report.html', page);
console.log((await savePlots(page, 'plots')).length > 0); // true

export {};
