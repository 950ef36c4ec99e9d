import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  check,
  isObject,
  type Json,
  joinStates,
  ProtomemError,
  parseJson,
  partState,
  type State,
} from '@protomem/core';
import { readSafetensors, refuseUnknownKeys, writeSafetensors } from '@protomem/core/node';
import { fingerprint } from './fingerprint.ts';
import { type IdentitiesMark, parseMark } from './identities.ts';
import { checkResumed, type Recipe, type RecipeChange } from './recipe.ts';
import { writeError } from './write-error.ts';

const FORMAT = 'protomem-checkpoint';
const VERSION = '1';
const METADATA = ['format', 'version', 'step', 'recipe', 'fingerprint', 'identities', 'values'];
const NAME = /^checkpoint-(\d+)\.safetensors$/;
const LEFTOVER = /^\.checkpoint-\d+\.safetensors\..*\.tmp$/;

/** A run at a step: everything that its future depends on. */
export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  readonly recipe: Recipe;
  /** Whom it was trained on. Absent in those of earlier releases, and where the trainer was not told. */
  readonly identities?: IdentitiesMark;
  /** State of each part by name: encoder, head, loader, optimizer, trainer. */
  readonly parts: Readonly<Record<string, State>>;
}

/**
 * Writes `checkpoint-00001200.safetensors` so that it is there whole or not at all.
 *
 * The file is plain safetensors: tensors are `part/name`, the metadata holds `format`, `version`, `step`, `recipe`,
 * `fingerprint` (of the recipe), `identities` and `values` (JSON), so any safetensors reader can take the encoder's weights
 * out of it; and checksums, see `writeSafetensors` of `@protomem/core/node`.
 *
 * @param directory is made when missing.
 * @param write replaces the atomic writer, in tests.
 * @returns the path.
 * @throws ProtomemError with the file and the free space when it cannot be written; older checkpoints stay.
 */
export async function writeCheckpoint(
  directory: string,
  checkpoint: Checkpoint,
  write: typeof writeSafetensors = writeSafetensors,
): Promise<string> {
  const { step, recipe, identities, parts } = checkpoint;
  const { values, tensors } = joinStates(parts);
  const metadata = {
    format: FORMAT,
    version: VERSION,
    step: String(step),
    recipe: JSON.stringify(recipe),
    fingerprint: fingerprint(recipe),
    ...(identities && { identities: JSON.stringify(identities) }),
    values: JSON.stringify(values),
  };
  const path = join(directory, `checkpoint-${String(step).padStart(8, '0')}.safetensors`);
  try {
    await mkdir(directory, { recursive: true });
    await write(path, { tensors, metadata });
  } catch (error) {
    throw writeError('writeCheckpoint', path, error);
  }
  return path;
}

/**
 * Reads a checkpoint.
 *
 * @throws ProtomemError when it is cut short, is no checkpoint, is of another version, or one bit of it has changed since
 *   it was written (in those of earlier releases, which have no checksums, only where it does not fit the rest).
 * @example
 * ```ts
 * const path = await latestCheckpoint('run/checkpoints');
 * const { step, parts } = await readCheckpoint(path!);
 * restoreParameters(path!, encoder.parameters, parts.encoder!); // of @protomem/engine
 * ```
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const where = basename(path);
  const file = await readSafetensors(path, where);
  const { tensors, metadata } = file;
  const field = (what: string, right: boolean, expected: string): void =>
    check(right, () => ({
      where,
      what: `${what} in its metadata`,
      got: metadata[what] ?? 'missing',
      expected,
      fix: what === 'format' ? 'The file is some other safetensors file.' : 'Use another copy, or an older checkpoint.',
    }));
  field('format', metadata.format === FORMAT, `"${FORMAT}"`);
  if (metadata.version !== VERSION) throw new OtherVersionError(where, metadata.version);
  refuseUnknownKeys(where, file, METADATA);
  const values = parse(where, 'values', metadata.values);
  field('values', isObject(values) && Object.values(values as Recipe).every(isObject), 'a JSON object of objects');
  const recipe = parse(where, 'recipe', metadata.recipe);
  field('recipe', isObject(recipe), 'a JSON object');
  field('fingerprint', metadata.fingerprint === fingerprint(recipe as Recipe), 'that of its recipe');
  const named = stepOfCheckpoint(path);
  const step = /^\d{1,16}$/.test(metadata.step ?? '') ? Number(metadata.step) : Number.NaN;
  field('step', Number.isSafeInteger(step) && (Number.isNaN(named) || named === step), 'that of its name');
  const joined: State = { values: values as State['values'], tensors };
  return {
    step,
    recipe: recipe as Recipe,
    ...(metadata.identities !== undefined && {
      identities: parseMark(parse(where, 'identities', metadata.identities)),
    }),
    parts: Object.fromEntries(Object.keys(joined.values).map((part) => [part, partState(joined, part)!])),
  };
}

function parse(where: string, key: string, text = ''): Json {
  return parseJson(text, { where, what: `${key} in its metadata` }) as Json;
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
 * The newest checkpoint that can be read. One that cannot is set aside as `NAME.damaged`, and `warn` is told both names: a
 * run may then go on from the one before it, but never silently.
 *
 * @returns `undefined` when the folder has no checkpoint.
 * @throws ProtomemError when all are damaged, the newest readable one is of another version, or the system refuses to read one.
 */
export async function readLatestCheckpoint(
  directory: string,
  warn: (text: string) => void,
): Promise<Checkpoint | undefined> {
  const { checkpoint, setAside } = await newestReadable(directory, warn);
  await setAside();
  return checkpoint;
}

/** {@link readLatestCheckpoint} that leaves damaged ones where they are until `setAside` is called. */
export async function newestReadable(
  directory: string,
  warn: (text: string) => void,
): Promise<{ readonly checkpoint?: Checkpoint; setAside(): Promise<void> }> {
  const damaged: string[] = [];
  for (const path of await listCheckpoints(directory)) {
    try {
      const checkpoint = await readCheckpoint(path);
      return {
        checkpoint,
        async setAside() {
          for (const bad of damaged) {
            await rename(bad, `${bad}.damaged`);
            warn(`${basename(bad)} is set aside as ${basename(bad)}.damaged: the run goes on from ${basename(path)}.`);
          }
        },
      };
    } catch (error) {
      if (!(error instanceof ProtomemError) || error instanceof OtherVersionError || isOfSystem(error)) throw error;
      damaged.push(path);
      warn(error.message);
    }
  }
  check(damaged.length === 0, () => ({
    where: 'readLatestCheckpoint',
    what: `every checkpoint in ${directory}`,
    got: 'damaged',
    expected: 'at least one that can be read',
    fix: 'Put a good copy there, or start the run anew in another folder.',
  }));
  return { setAside: async () => undefined };
}

/** Deletes all but the newest `keep` checkpoints, and what a killed process left half-written. */
export async function pruneCheckpoints(directory: string, keep: number): Promise<void> {
  const old = (await listCheckpoints(directory)).slice(keep);
  const leftovers = (await readdir(directory)).filter((name) => LEFTOVER.test(name));
  for (const path of [...old, ...leftovers.map((name) => join(directory, name))]) await rm(path, { force: true });
}

/**
 * Throws unless a run may go on from a checkpoint; the error lists each key that must not differ, and both values.
 *
 * @returns what changes, of `mayChange`.
 */
export function checkRecipe(
  { step, recipe }: Checkpoint,
  present: Recipe,
  mayDiffer: readonly string[],
  mayChange: readonly string[] = [],
): RecipeChange[] {
  return checkResumed(`the recipe of the checkpoint at step ${step}`, recipe, present, { mayDiffer, mayChange });
}

/** The file may be whole: it could not be opened or read, as without leave, or while a disk is away. */
const isOfSystem = ({ cause }: Error): boolean => (cause as NodeJS.ErrnoException | undefined)?.code !== undefined;

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
