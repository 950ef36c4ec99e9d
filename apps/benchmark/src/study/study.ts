import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Json, ProtomemError, parseJson } from '@protomem/core';
import { parseConfig, type RunConfig } from '@protomem/recipes';
import { codeVersion, hashOf, type KeptRun, KeptRuns } from './kept-runs.ts';
import type { StudyTask } from './study-run.ts';

const RUN = join(import.meta.dirname, 'study-run.ts');

/** One run of a study. */
export interface Wanted extends Omit<StudyTask, 'config'> {
  /** The contender, and which comparison it is part of. */
  readonly name: string;
  readonly group?: string;
  readonly config: RunConfig;
  /** What stands for paths of the configuration, whose text decides nothing: of what is there. */
  readonly paths: Readonly<Record<string, string>>;
}

/** A run, and where its figures come from. */
export interface Found {
  readonly run: KeptRun;
  readonly from: 'this call' | 'an earlier call' | 'earlier code';
}

export interface StudyOptions {
  /** Finished runs, a line each. */
  readonly file: string;
  /** Folder of runs under way; they resume. */
  readonly work: string;
  /** Runs at a time, each on one thread. */
  readonly concurrency: number;
  /** Whether runs of earlier code count where there are none of today's; pages mark them. */
  readonly earlierCode: boolean;
  /** Which runs to carry out. Default: all that are not kept. */
  readonly only?: (one: Wanted) => boolean;
  readonly say: (text: string) => void;
}

/**
 * Carries out the runs that are not kept yet, in their order.
 *
 * @returns the runs in the order of `wanted`; undefined for those that `only` leaves out and nobody has carried out
 */
export async function study(wanted: readonly Wanted[], options: StudyOptions): Promise<(Found | undefined)[]> {
  const { file, work, concurrency, earlierCode, only = () => true, say } = options;
  const runs = new KeptRuns(file);
  const code = codeVersion();
  if (runs.unusable > 0)
    say(`${file}: ${runs.unusable} lines without a key, of an earlier form or cut short: not used`);
  const found: (Found | undefined)[] = wanted.map((one) => {
    const run = runs.find(keyOf(one), code, earlierCode);
    return run && { run, from: run.code === code ? 'an earlier call' : 'earlier code' };
  });
  const missing = wanted.flatMap((one, i) => (found[i] || !only(one) ? [] : [{ one, i }]));
  say(
    `${wanted.length} runs: ${wanted.length - missing.length} are kept, ${missing.length} to go, ${concurrency} at a time`,
  );
  const begun = performance.now();
  let [started, done] = [0, 0];
  const worker = async (): Promise<void> => {
    while (started < missing.length) {
      const { one, i } = missing[started++]!;
      const made = await carryOut(one, work, say);
      found[i] = {
        run: runs.add({ key: keyOf(one), code, name: one.name, seed: one.config.seed, ...made }),
        from: 'this call',
      };
      const left = (((performance.now() - begun) / ++done) * (missing.length - done)) / 60_000;
      const figures = Object.entries(made.figures).map(([key, value]) => `${key} ${value.toPrecision(4)}`);
      say(
        `${done}/${missing.length} ${one.name}, seed ${one.config.seed}: ${figures.join(', ')}  ETA ${left.toFixed(0)} min`,
      );
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return found;
}

/** Everything that decides a run's result but its code. */
export function keyOf({ config, paths, heldOut }: Wanted): string {
  const { recipe: _, checkpoint: __, log: ___, plan: ____, ...decides } = config;
  const withNames = JSON.stringify({ ...decides, heldOut: heldOut ?? null }, (_key, value) =>
    typeof value === 'string' ? (paths[value] ?? value) : value,
  );
  return hashOf(parseJson(withNames, { where: 'bench', what: 'a configuration' }) as Json);
}

/** Folder of a run under way. */
export const folderOf = (work: string, one: Wanted): string => join(work, keyOf(one));

type Made = Pick<KeptRun, 'engine' | 'figures'>;

async function carryOut(one: Wanted, work: string, say: (text: string) => void): Promise<Made> {
  const out = folderOf(work, one);
  mkdirSync(out, { recursive: true });
  const { name: _, group: __, paths: ___, ...task } = one;
  const file = join(out, 'task.json');
  writeFileSync(file, JSON.stringify({ ...task, config: parseConfig(one.config, one.name) }));
  say(`begins: ${one.name}, seed ${one.config.seed}`);
  const child = spawn(process.execPath, [
    '--import',
    'tsx',
    '--conditions=@protomem/source',
    RUN,
    file,
    join(out, 'run'),
  ]);
  let [answer, complaint] = ['', ''];
  child.stdout.on('data', (text: Buffer) => {
    answer += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text.toString()).slice(-2000);
  });
  const status = await new Promise((ended) => child.once('close', ended));
  if (status !== 0) {
    throw new ProtomemError({
      where: `bench: ${one.name}`,
      what: 'exit code',
      got: status,
      expected: '0',
      fix: complaint,
    });
  }
  if (!one.keep) rmSync(out, { recursive: true, force: true });
  return parseJson(answer.trim().split('\n').at(-1)!, { where: `bench: ${one.name}`, what: 'its answer' }) as never;
}
