import { ProtomemError } from '@protomem/core';
import { MOST_FIGURES, type SignFlipTest, signFlipTest } from '@protomem/evaluation';
import { renderReport, savePage } from '@protomem/report';
import { command } from '../command-line.ts';
import { type Compared, readResults } from '../read-results.ts';
import { machineFacts } from '../run-report.ts';

const percent = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? '-' : (100 * value).toFixed(digits);

/** `protomem compare`. */
export const make = () =>
  command(
    'compare',
    'Sets runs side by side: a table, what is sure about each difference, and a page with the curves of all.',
  )
    .argument('<runs...>', 'folders of finished runs, or of evaluations of pairs')
    .option('--out <file>', 'the page', 'comparison.html')
    .action((runs, { out }) => compare(runs, out));

/**
 * Sets runs side by side: a table, what is sure about each difference from the first, and a page with the curves of all.
 *
 * @param runs folders of finished runs, whose heads are compared too, or of evaluations of pairs.
 * @param out the page.
 */
export async function compare(runs: readonly string[], out: string): Promise<void> {
  const read = await Promise.all(runs.map((run) => readResults(run, 'compare', runs.length > 1)));
  const compared = read.flatMap(({ compared }) => compared);
  if (compared.length < 2) {
    const expected = 'at least two runs, or one with baselines';
    throw new ProtomemError({ where: 'compare', what: 'runs', got: runs.join(' ') || 'none', expected });
  }
  const [first, ...others] = compared as [Compared, ...Compared[]];
  const wide = Math.max(...compared.map(({ head }) => head.name.length));
  const columns = ['accuracy %', 'TAR@1e-2', 'TAR@1e-3', 'EER %', 'images/s', 'minutes'];
  console.log([' '.repeat(wide), ...columns.map((column) => column.padStart(14))].join(''));
  for (const { head, result } of compared) {
    const { accuracy, standardError, tarAtFar, equalErrorRate } = result.verification;
    const tar = (far: number): string => percent(tarAtFar.find((one) => one.far === far)?.tar);
    const cells = [
      `${percent(accuracy)} ± ${percent(standardError)}`,
      ...[tar(1e-2), tar(1e-3), percent(equalErrorRate)],
      ...[result.imagesPerSecond.toFixed(0), (result.seconds / 60).toFixed(1)],
    ];
    console.log([head.name.padEnd(wide), ...cells.map((cell) => cell.padStart(14))].join(''));
  }
  console.log(`\nagainst ${first.head.name}, paired over the folds (exact sign-flip test):`);
  for (const other of others) console.log(`  ${other.head.name}: ${difference(other, first)}`);

  const page = await renderReport({
    title: `${compared.length} encoders compared`,
    summary: others
      .map((other) => `${other.head.name} against ${first.head.name}: ${difference(other, first)}.`)
      .join(' '),
    finishedAt: new Date().toISOString(),
    seconds: read.reduce((sum, { seconds }) => sum + seconds, 0),
    ...read[0]!.about,
    machine: machineFacts(),
    heads: compared.map(({ head }) => head),
  });
  const { plots } = await savePage(page, out);
  console.log(`page: ${out}; each chart as SVG and PNG: ${plots}`);
}

/** In words, how much more accurate one is than another, and how sure that is. */
function difference(one: Compared, other: Compared): string {
  if (one.pairs !== other.pairs) return 'tested on other pairs, or in another way: no comparison';
  const folds = ({ result }: Compared): number[] => result.verification.folds.map(({ accuracy }) => accuracy);
  const count = folds(one).length;
  if (count > MOST_FIGURES) return `${count} folds, and the exact test takes ${MOST_FIGURES} at most: no comparison`;
  const { mean, standardError, pValue }: SignFlipTest = signFlipTest(folds(one), folds(other));
  const sure = pValue < 0.05 ? '' : ', no difference shown';
  const points = `${mean < 0 ? '' : '+'}${percent(mean)} ± ${percent(standardError)} points`;
  return `${points}, p = ${pValue.toPrecision(2)}${sure}`;
}
