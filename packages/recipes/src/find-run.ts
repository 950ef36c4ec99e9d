import { existsSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { at, patchConfig, withPlanOf } from './config.ts';
import type { RecipeInputs } from './recipe.ts';
import { resolveRecipe } from './recipes/index.ts';
import { isRunFile, type Run, readRunFile } from './run-file.ts';
import { defaultRunFolder, readRunConfig, runFolder } from './run-folder.ts';
import type { RunDraft } from './run-schema.ts';

/** Which run is meant, as a command line says it. */
export interface RunRequest extends RecipeInputs {
  /** Of a recipe, or a file of one's own; not needed where `out` holds a run without parts of its user's own. */
  readonly name?: string;
  /** Run folder. Default: that of the recipe. */
  readonly out?: string;
  /** Whether it goes on with the run in `out`; of a process that `launchRanks` started again, also without. */
  readonly resume: boolean;
  /** What is otherwise than the recipe, or the run, has it. */
  readonly set: readonly string[];
  /** Told in a line what a file says that does not count. */
  readonly say: (text: string) => void;
}

/** A run to start, or to go on with: what it is and where. */
export interface FoundRun extends Run {
  readonly out: string;
  readonly resume: boolean;
}

/**
 * Finds a recipe, a file of one's own, or a run that goes on. The latter goes by its `config.json`, whatever its file says by
 * now: that is for parts alone, and gets what the run began with, `data` and `init`.
 *
 * @throws ProtomemError when there is no such run or its configuration is wrong
 */
export async function findRun({ name, out: asked, resume, set, say, ...inputs }: RunRequest): Promise<FoundRun> {
  const goesOn = (out: string): boolean =>
    resume || (Number(process.env.PROTOMEM_RESTART ?? 0) > 0 && existsSync(runFolder(out).config));
  const savedIn = (out: string, recipe?: string) => readRunConfig(out, recipe, { set: [] });
  const isFile = name !== undefined && isRunFile(name);
  // Its file may not be readable without what its run began with, and says itself what the run is called.
  const likely = asked ?? (isFile ? defaultRunFolder(basename(name, extname(name))) : undefined);
  const there = likely !== undefined && goesOn(likely) && existsSync(runFolder(likely).config);
  const began = there ? inputsOf(await savedIn(likely)) : {};
  const { data = began.data, init = began.init } = inputs;
  const file = isFile ? await readRunFile(name, { data, init }) : undefined;
  const recipe = file?.config.recipe ?? name;
  const out = asked ?? defaultRunFolder(recipe!);
  const parts = file?.parts ?? {};
  if (!goesOn(out))
    return { config: patchConfig(file?.config ?? resolveRecipe(name!, inputs), set), parts, out, resume: false };
  if (file) {
    const saved = await savedIn(out, recipe);
    const now = withPlanOf(saved, file.config);
    // What the command line says by --data, --init and --epochs is in no file.
    const keys = differingKeys(saved, {
      ...now,
      data: saved.data,
      ...(saved.encoder.init !== null && { encoder: saved.encoder }),
      ...(saved.epochs === null && { epochs: null }),
    });
    const { config } = runFolder(out);
    if (keys.length > 0) say(`goes on by ${config}, not by ${name}, which differs in ${keys.join(', ')}: see --set`);
  }
  return { config: await readRunConfig(out, recipe, { data: inputs.data, set }), parts, out, resume: true };
}

const inputsOf = ({ data, encoder }: RunDraft): RecipeInputs => ({
  ...('path' in data && { data: data.path }),
  ...(encoder.init !== null && { init: encoder.init }),
});

/** To a depth of two. */
function differingKeys(a: RunDraft, b: RunDraft): string[] {
  const keys = Object.entries({ ...a, ...b }).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? [...new Set([at(a, key), at(b, key)].flatMap((one) => Object.keys(one ?? {})))].map(
          (inner) => `${key}.${inner}`,
        )
      : [key],
  );
  return keys.filter((key) => !isDeepStrictEqual(at(a, key), at(b, key)));
}
