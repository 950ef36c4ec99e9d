import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ProtomemError, writeFileAtomic } from '@protomem/core';
import type { EngineInfo } from '@protomem/engine';
import { type SignFlipTest, signFlipTest } from '@protomem/evaluation';
import type { RunConfig } from './config.ts';
import { headNames, machineFacts } from './report/make-report.ts';
import { renderReport } from './report/render-report.ts';
import type { ReportHead } from './report/report-data.ts';
import { parseJson, runFolder } from './run-folder.ts';
import { readRunLog } from './run-log.ts';
import type { HeadResult } from './train-head.ts';

/** What `metrics.json` of a run holds. */
interface Metrics {
  readonly engine: EngineInfo;
  readonly config: RunConfig;
  readonly seconds: number;
  readonly heads: readonly HeadResult[];
}

/** A head of a run, with figures to set beside others'. */
interface Compared {
  readonly head: ReportHead;
  readonly result: HeadResult;
  readonly pairs: string;
}

const percent = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? '-' : (100 * value).toFixed(digits);

/**
 * Sets runs side by side: a table, what is sure about each difference from the first, and a page with the curves of all.
 *
 * @param runs folders of finished runs; the heads of one run are compared, too.
 * @param out the page.
 */
export async function compare(runs: readonly string[], out: string): Promise<void> {
  const metrics = await Promise.all(runs.map(readMetrics));
  const compared = (await Promise.all(runs.map((run, i) => headsOf(run, metrics[i]!, runs.length > 1)))).flat();
  if (compared.length < 2) {
    const expected = 'at least two runs, or one with rivals';
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

  const { engine, config } = metrics[0]!;
  const page = await renderReport({
    title: `${compared.length} encoders compared`,
    summary: others
      .map((other) => `${other.head.name} against ${first.head.name}: ${difference(other, first)}.`)
      .join(' '),
    finishedAt: new Date().toISOString(),
    seconds: metrics.reduce((sum, { seconds }) => sum + seconds, 0),
    seed: config.seed,
    engine,
    machine: machineFacts(),
    heads: compared.map(({ head }) => head),
    config,
  });
  await writeFileAtomic(out, page);
  console.log(`page: ${out}`);
}

/** In words, how much more accurate one is than another, and how sure that is. */
function difference(one: Compared, other: Compared): string {
  if (one.pairs !== other.pairs) return 'tested on other pairs: no comparison';
  const folds = ({ result }: Compared): number[] => result.verification.folds.map(({ accuracy }) => accuracy);
  const { mean, standardError, pValue }: SignFlipTest = signFlipTest(folds(one), folds(other));
  const sure = pValue < 0.05 ? '' : ', no difference shown';
  const points = `${mean < 0 ? '' : '+'}${percent(mean)} ± ${percent(standardError)} points`;
  return `${points}, p = ${pValue.toPrecision(2)}${sure}`;
}

async function readMetrics(run: string): Promise<Metrics> {
  const { metrics } = runFolder(run);
  if (!existsSync(metrics)) {
    throw new ProtomemError({
      where: 'compare',
      what: run,
      got: existsSync(run) ? 'without metrics.json' : 'missing',
      expected: 'the folder of a finished run',
      fix: 'Name the folder that was given to --out; go on with --resume where it has not ended.',
    });
  }
  return parseJson(await readFile(metrics, 'utf8'), metrics) as Metrics;
}

async function headsOf(run: string, { heads, config }: Metrics, several: boolean): Promise<Compared[]> {
  return Promise.all(
    heads.map(async (result, position) => {
      const { log } = runFolder(position === 0 ? run : `${run}/${result.kind}`);
      const { steps, evaluations } = await readRunLog(log);
      const name = headNames[result.kind];
      const { seconds, imagesPerSecond, verification, memory } = result;
      const folder = basename(resolve(run));
      return {
        result,
        // Folds are comparable where they are of the same pairs.
        pairs: JSON.stringify([
          config.evaluation.pairs,
          config.data.kind === 'synthetic' && config.data,
          verification.positives,
        ]),
        head: {
          name: several ? `${folder}${heads.length > 1 ? `, ${name}` : ''}` : name,
          ...{ seconds, imagesPerSecond, steps, evaluations, verification, memory },
        },
      };
    }),
  );
}
