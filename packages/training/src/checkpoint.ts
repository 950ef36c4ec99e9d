import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  check,
  decodeSafetensors,
  encodeSafetensors,
  type Json,
  joinStates,
  ProtomemError,
  parseJson,
  partState,
  type State,
} from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { fingerprint, type Recipe, recipeDifferences } from './recipe.ts';
import { writeError } from './write-error.ts';

const FORMAT = 'protomem-checkpoint';
const VERSION = '1';
const NAME = /^checkpoint-(\d+)\.safetensors$/;
const LEFTOVER = /^\.checkpoint-\d+\.safetensors\..*\.tmp$/;

/** A run at a step: everything that its future depends on. */
export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  readonly recipe: Recipe;
  /** State of each part by name: encoder, head, loader, optimizer, trainer. */
  readonly parts: Readonly<Record<string, State>>;
}

/**
 * Writes `checkpoint-00001200.safetensors` so that it is there whole or not at all.
 *
 * The file is plain safetensors: tensors are `part/name`, the metadata holds `format`, `version`, `step`, `recipe`,
 * `fingerprint` and `values` (JSON), so any safetensors reader can take the encoder's weights out of it.
 *
 * @param directory is made when missing.
 * @param write replaces the atomic writer, in tests.
 * @returns the path.
 * @throws ProtomemError with the file and the free space when it cannot be written; older checkpoints stay.
 */
export async function writeCheckpoint(
  directory: string,
  checkpoint: Checkpoint,
  write: typeof writeFileAtomic = writeFileAtomic,
): Promise<string> {
  const { values, tensors } = joinStates(checkpoint.parts);
  const metadata = {
    format: FORMAT,
    version: VERSION,
    step: String(checkpoint.step),
    recipe: JSON.stringify(checkpoint.recipe),
    fingerprint: fingerprint(checkpoint.recipe),
    values: JSON.stringify(values),
  };
  const path = join(directory, `checkpoint-${String(checkpoint.step).padStart(8, '0')}.safetensors`);
  try {
    await mkdir(directory, { recursive: true });
    await write(path, ...encodeSafetensors({ tensors, metadata }));
  } catch (error) {
    throw writeError('writeCheckpoint', path, error);
  }
  return path;
}

/**
 * Reads a checkpoint.
 *
 * @throws ProtomemError when it is cut short, is no checkpoint, or is of another version.
 * @example
 * ```ts
 * const path = await latestCheckpoint('run/checkpoints');
 * const { step, parts } = await readCheckpoint(path!);
 * restoreParameters(path!, encoder.parameters, parts.encoder!); // of @protomem/engine
 * ```
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const where = basename(path);
  const { tensors, metadata } = decodeSafetensors(await readWhole(path), where);
  check(metadata.format === FORMAT, () => ({
    where,
    what: 'format in its metadata',
    got: metadata.format ?? 'missing',
    expected: `"${FORMAT}"`,
    fix: 'The file is some other safetensors file.',
  }));
  if (metadata.version !== VERSION) throw new OtherVersionError(where, metadata.version);
  const values = parse(where, 'values', metadata.values) as State['values'];
  const joined: State = { values, tensors };
  const parts = Object.fromEntries(Object.keys(values).map((part) => [part, partState(joined, part)!]));
  return { step: Number(metadata.step), recipe: parse(where, 'recipe', metadata.recipe) as Recipe, parts };
}

function parse(where: string, key: string, text = ''): { readonly [key: string]: Json } {
  const what = `${key} in its metadata`;
  const value = parseJson(text, { where, what }) as Json;
  check(typeof value === 'object' && value !== null && !Array.isArray(value), () => ({
    where,
    what,
    got: value,
    expected: 'an object',
  }));
  return value as { readonly [key: string]: Json };
}

/** Paths of the checkpoints in a folder, newest first; none when there is no such folder. */
export async function listCheckpoints(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => NAME.test(name))
    .map((name) => join(directory, name))
    .sort((a, b) => stepOfCheckpoint(b) - stepOfCheckpoint(a));
}

/** Path of the newest checkpoint in a folder; `undefined` when there is none. */
export async function latestCheckpoint(directory: string): Promise<string | undefined> {
  return (await listCheckpoints(directory))[0];
}

/**
 * The newest checkpoint that can be read. One that cannot is set aside as `NAME.damaged`, and `warn` is told: a run may
 * then go on from the one before it, but never silently.
 *
 * @returns `undefined` when the folder has no checkpoint.
 * @throws ProtomemError when all are damaged, or the newest readable one is of another version.
 */
export async function readLatestCheckpoint(
  directory: string,
  warn: (text: string) => void,
): Promise<Checkpoint | undefined> {
  const paths = await listCheckpoints(directory);
  const damaged: string[] = [];
  for (const path of paths) {
    try {
      const checkpoint = await readCheckpoint(path);
      for (const bad of damaged) await rename(bad, `${bad}.damaged`);
      return checkpoint;
    } catch (error) {
      if (!(error instanceof ProtomemError) || error instanceof OtherVersionError) throw error;
      damaged.push(path);
      warn(`${error.message} It is set aside, and the checkpoint before it is taken.`);
    }
  }
  check(damaged.length === 0, () => ({
    where: 'readLatestCheckpoint',
    what: `every checkpoint in ${directory}`,
    got: 'damaged',
    expected: 'at least one that can be read',
    fix: 'Put a good copy there, or start the run anew in another folder.',
  }));
  return undefined;
}

/** Deletes all but the newest `keep` checkpoints, and what a killed process left half-written. */
export async function pruneCheckpoints(directory: string, keep: number): Promise<void> {
  const old = (await listCheckpoints(directory)).slice(keep);
  const leftovers = (await readdir(directory)).filter((name) => LEFTOVER.test(name));
  for (const path of [...old, ...leftovers.map((name) => join(directory, name))]) await rm(path, { force: true });
}

/** Throws unless a checkpoint was written by this recipe; the error lists each key that differs and both values. */
export function checkRecipe(checkpoint: Checkpoint, present: Recipe, mayDiffer: readonly string[]): void {
  if (fingerprint(checkpoint.recipe, mayDiffer) === fingerprint(present, mayDiffer)) return;
  const differences = recipeDifferences(checkpoint.recipe, present, mayDiffer);
  throw new ProtomemError({
    where: 'resume',
    what: `the recipe of the checkpoint at step ${checkpoint.step}`,
    got: 'another one',
    expected: 'that of this run',
    fix: `They differ in ${differences.join('; ')}. Use the saved values, or start a new run in another folder.`,
  });
}

/** Not a damaged file: falling back to an older one would not help. */
class OtherVersionError extends ProtomemError {
  constructor(where: string, version: string | undefined) {
    super({
      where,
      what: 'the checkpoint version',
      got: version ?? 'missing',
      expected: `"${VERSION}"`,
      fix: 'Resume with the release of protomem that wrote it.',
    });
  }
}

/** The step in a checkpoint's file name. */
export function stepOfCheckpoint(path: string): number {
  return Number(NAME.exec(basename(path))?.[1]);
}

/** `readFile` ends at 2 GiB, which a large memory exceeds. */
async function readWhole(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    for (let offset = 0; offset < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, offset, Math.min(bytes.length - offset, 2 ** 30));
      if (bytesRead === 0) return bytes.subarray(0, offset);
      offset += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
