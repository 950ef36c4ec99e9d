import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProtomemError, writeFileAtomic } from '@protomem/core';
import { loadEngine } from '@protomem/engine';
import { makeSource } from './compose.ts';
import { patchConfig, type RunConfig } from './config.ts';
import { type Live, startLive } from './live/live.ts';
import { loadPairs } from './pairs.ts';
import { headNames, makeReport } from './report/make-report.ts';
import { renderReport } from './report/render-report.ts';
import { parseJson, runFolder, writeJson } from './run-folder.ts';
import { type HeadResult, trainHead } from './train-head.ts';

export interface TrainOptions {
  /** Run folder. */
  readonly out: string;
  readonly resume: boolean;
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal: AbortSignal;
  /** Port of 127.0.0.1 for a page about the run while it goes on; 0 is any free one. Default: no page. */
  readonly livePort?: number;
}

/** Runs a configuration from end to end: trains its head, then each baseline, evaluates them, writes the report. */
export async function train(config: RunConfig, options: TrainOptions): Promise<void> {
  const { out, resume, livePort } = options;
  await claimFolder(out, resume);
  if (livePort === undefined) return trainAll(config, options);
  const heads = headConfigs(config, out).map((head) => ({ name: headNames[head.config.head.kind], out: head.out }));
  const live = await startLive({ title: config.recipe, port: livePort, steps: config.steps, heads });
  say(`live: ${live.url}`);
  let told = 'stopped by an error: see the terminal';
  try {
    await trainAll(config, options, live);
    const { report } = runFolder(out);
    told = existsSync(report) ? `finished: ${report}` : 'stopped with a checkpoint';
  } finally {
    await live.close(told);
  }
}

async function trainAll(config: RunConfig, { out, resume, signal }: TrainOptions, live?: Live): Promise<void> {
  const begun = Date.now();
  const folder = runFolder(out);
  const engine = await loadEngine({
    prefer: config.engine.prefer,
    threads: config.engine.threads || undefined,
    precision: config.engine.precision,
  });
  say(`engine: ${engine.engine} (${engine.version}), ${engine.device}, ${engine.threads} threads, ${engine.precision}`);
  for (const { engine: name, reason } of engine.rejected) say(`passed over: ${name}: ${reason}`);
  const source = await makeSource(config);
  say(`data: ${source.identities.toLocaleString('en')} identities from ${source.name}`);
  const pairs = await loadPairs(config);
  say(`test: ${pairs.protocol}`);
  await writeJson(folder.config, config);

  const results: { result: HeadResult; out: string }[] = [];
  for (const [position, head] of headConfigs(config, out).entries()) {
    const done = resume && (await finished(head.out));
    if (done) say(`${done.name}: finished before`);
    else say(`training: ${head.config.head.kind}, ${config.steps} steps`);
    const result = done || (await trainHead({ ...head, source, pairs, resume, signal, live, position }));
    if (!result) {
      say(`stopped with a checkpoint; go on with: npm run train -- ${config.recipe} --out ${out} --resume`);
      process.exitCode = 130;
      return;
    }
    say(summary(result));
    results.push({ result, out: head.out });
  }

  const seconds = (Date.now() - begun) / 1000;
  const data = await makeReport({ config, engine, source, pairs, results, seconds });
  await writeJson(folder.metrics, { engine, config, seconds, heads: results.map(({ result }) => result) });
  await writeFileAtomic(folder.report, await renderReport(data));
  say(`report: ${folder.report}`);
}

/** One configuration for each head: the run's own, then its rivals in folders below. */
function headConfigs(config: RunConfig, out: string): { readonly config: RunConfig; readonly out: string }[] {
  const rivals = config.rivals.map((kind) => ({
    config: patchConfig(config, [`head.kind=${kind}`]),
    out: join(out, kind),
  }));
  return [{ config, out }, ...rivals];
}

/** Saved results are not trained over: a folder with a run in it is taken only to go on. */
async function claimFolder(out: string, resume: boolean): Promise<void> {
  const { config, report } = runFolder(out);
  await mkdir(out, { recursive: true });
  if (resume || !existsSync(config)) return;
  throw new ProtomemError({
    where: 'train',
    what: '--out',
    got: out,
    expected: 'a new folder',
    fix: existsSync(report)
      ? 'It holds a finished run: name another folder.'
      : 'It holds a run: go on with --resume, or name another folder.',
  });
}

async function finished(out: string): Promise<HeadResult | undefined> {
  const { result } = runFolder(out);
  if (!existsSync(result)) return undefined;
  return parseJson(await readFile(result, 'utf8'), result) as HeadResult;
}

/** One line for a person. */
function summary({ name, verification, seconds, imagesPerSecond }: HeadResult): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const tar = verification.tarAtFar.find(({ far }) => far === 1e-2);
  const tarText = tar?.tar == null ? 'out of reach' : percent(tar.tar);
  return (
    `${name}: accuracy ${percent(verification.accuracy)} ± ${percent(verification.binomialError)}, ` +
    `TAR@FAR=1e-2 ${tarText}, EER ${percent(verification.equalErrorRate)}; ` +
    `${seconds.toFixed(0)} s of training, ${imagesPerSecond.toFixed(0)} images/s`
  );
}

function say(text: string): void {
  console.log(text);
}
