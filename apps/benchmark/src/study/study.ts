import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Json, ProtomemError, parseJson } from '@protomem/core';
import { parseConfig, type RunConfig, sayings } from '@protomem/recipes';
import { FROM_SOURCE } from '../contender.ts';
import { type Found, goThrough, type KeepingOptions, type Made } from './go-through.ts';
import { hashOf } from './kept-runs.ts';
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

export interface StudyOptions extends KeepingOptions {
  /** Folder of runs under way; they resume. Each run takes one process. */
  readonly work: string;
  readonly only?: (one: Wanted) => boolean;
}

/** Trains what is not kept yet; see {@link goThrough}. */
export function study(wanted: readonly Wanted[], { work, ...options }: StudyOptions): Promise<(Found | undefined)[]> {
  return goThrough(wanted, {
    ...options,
    facts: (one) => ({ key: keyOf(one), name: one.name, group: one.group, seed: one.config.seed }),
    carryOut: (one, signal) => carryOut(one, work, options.say, signal),
  });
}

/** Everything that decides a run's result but its code; an option that is new and at its default changes nothing. */
export function keyOf({ config, paths, heldOut }: Wanted): string {
  const { recipe: _, checkpoint: __, log: ___, plan: ____, ...decides } = sayings(config) as Partial<RunConfig>;
  const withNames = JSON.stringify({ ...decides, heldOut: heldOut ?? null }, (_key, value) =>
    typeof value === 'string' ? (paths[value] ?? value) : value,
  );
  return hashOf(parseJson(withNames, { where: 'bench', what: 'a configuration' }) as Json);
}

/** Folder of a run under way. */
export const folderOf = (work: string, one: Wanted): string => join(work, keyOf(one));

async function carryOut(one: Wanted, work: string, say: (text: string) => void, signal: AbortSignal): Promise<Made> {
  const out = folderOf(work, one);
  mkdirSync(out, { recursive: true });
  const { name: _, group: __, paths: ___, ...task } = one;
  const file = join(out, 'task.json');
  writeFileSync(file, JSON.stringify({ ...task, config: parseConfig(one.config, one.name) }));
  say(`begins: ${one.name}, seed ${one.config.seed}`);
  const child = spawn(process.execPath, [...FROM_SOURCE, RUN, file, join(out, 'run')], { signal });
  let [answer, complaint] = ['', ''];
  child.stdout.on('data', (text: Buffer) => {
    answer += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text.toString()).slice(-2000);
  });
  child.once('error', ({ message }) => {
    complaint += message;
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
