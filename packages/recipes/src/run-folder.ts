import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProtomemError, parseJson, printableLines, shellWord } from '@protomem/core';
import { systemReason, writeFileAtomic } from '@protomem/core/node';
import { parseConfig, patchConfig } from './config.ts';
import type { RunDraft } from './run-schema.ts';

/** What a run leaves behind. */
export function runFolder(out: string) {
  return {
    out,
    /** Held by the process that works in the folder. */
    lock: join(out, '.lock'),
    config: join(out, 'config.json'),
    log: join(out, 'log.jsonl'),
    events: join(out, 'events'),
    checkpoints: join(out, 'checkpoints'),
    /** Names and numbers of images of those that are trained on: a resume on others is refused. */
    identities: join(out, 'identities.jsonl.gz'),
    encoder: join(out, 'encoder.safetensors'),
    /** One head's results, for the report that compares several. */
    result: join(out, 'result.json'),
    metrics: join(out, 'metrics.json'),
    /** Training identities that may be one person; of runs with a miner. */
    duplicates: join(out, 'duplicates.tsv'),
    report: join(out, 'report.html'),
  };
}

/** The encoder of a run, or the file itself. */
export function encoderFile(path: string): string {
  const { encoder } = runFolder(path);
  return existsSync(encoder) ? encoder : path;
}

export function defaultRunFolder(recipe: string): string {
  return join('runs', recipe);
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, printableLines(`${JSON.stringify(value, null, 2)}\n`));
}

/** The configuration that a run was started with, changed by what the command line says now. */
export async function readRunConfig(
  out: string,
  recipe: string | undefined,
  changes: { readonly data?: string; readonly set: readonly string[] },
): Promise<RunDraft> {
  const { config: path } = runFolder(out);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ProtomemError(
      {
        where: 'run folder',
        what: path,
        got: systemReason(error),
        expected: 'the config.json of a run',
        fix: 'Name the folder that was given to --out.',
      },
      { cause: error },
    );
  });
  const config = parseConfig(parseJson(text, { where: path, what: 'its text' }), path);
  if (recipe !== undefined && config.recipe !== recipe) {
    throw new ProtomemError({
      where: 'train --resume',
      what: `the recipe of ${out}`,
      got: config.recipe,
      expected: `"${recipe}", as the command says`,
      fix: `Resume it with: ${resumeCommand(out)}`,
    });
  }
  const data = changes.data === undefined ? [] : [`data.path=${JSON.stringify(changes.data)}`];
  return patchConfig(config, [...data, ...changes.set]);
}

/**
 * What to type to go on with a run: in a clone, which runs from sources, through its npm scripts.
 *
 * @param file that the run was made from, where that is one: it may hold parts of its user's own
 */
export function resumeCommand(out: string, file?: string): string {
  const fromSources = process.execArgv.some((argument) => argument.includes('@protomem/source'));
  const train = fromSources ? 'npm run train --' : 'npx protomem train';
  return [train, ...(file === undefined ? [] : [shellWord(file)]), '--out', shellWord(out), '--resume'].join(' ');
}
