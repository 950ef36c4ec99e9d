import { join } from 'node:path';
import { renderReport, savePage } from '@protomem/report';
import { command } from '../command-line.ts';
import { readResults } from '../read-results.ts';
import { machineFacts } from '../run-report.ts';

/** `protomem report`. */
export const make = () =>
  command('report', "Draws a finished run's page and plots anew, from its files.")
    .argument('<run>', 'run folder')
    .option('--out <file>', 'the page (default: report-again.html in the run)')
    .action((run, { out }) => report(run, out));

/**
 * Draws a finished run's page from its log and metrics once more, and each chart of it as SVG and PNG. Faces are not in
 * those files: the page that the run itself wrote has them.
 *
 * @param out the page. Default `report-again.html` in the run.
 */
async function report(run: string, out = join(run, 'report-again.html')): Promise<void> {
  const { compared, seconds, about } = await readResults(run, 'report', false);
  const page = await renderReport({
    title: compared.map(({ head }) => head.name).join(' and '),
    summary: `Drawn from ${run}. Faces are in the page that the run wrote itself.`,
    finishedAt: new Date().toISOString(),
    seconds,
    ...about,
    machine: machineFacts(),
    heads: compared.map(({ head }) => head),
  });
  const { plots, names } = await savePage(page, out);
  console.log(`page: ${out}\n${names.length} charts as SVG and PNG: ${plots}`);
}
