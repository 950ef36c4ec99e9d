import { check, readOptions, type State, type Stateful } from '@protomem/core';
import {
  checkRecipe,
  listCheckpoints,
  pruneCheckpoints,
  readLatestCheckpoint,
  stepOfCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import type { Recipe } from './recipe.ts';
import { type CheckpointOptions, checkpointOptions } from './trainer-options.ts';

/** Saves and restores the parts of one run. */
export interface Checkpointer {
  /** Steps between two checkpoints. */
  readonly every: number;
  /** Throws when the folder belongs to a run that is further on. */
  checkFolder(stepsDone: number): Promise<void>;
  /** @returns the path. */
  save(step: number): Promise<string>;
  /** Restores all parts. @returns the step; `undefined` when there is no checkpoint. */
  restore(warn: (text: string) => void): Promise<number | undefined>;
}

export function createCheckpointer(
  options: CheckpointOptions,
  recipe: Recipe,
  parts: Readonly<Record<string, Stateful>>,
): Checkpointer {
  const settings = readOptions('createTrainer: checkpoints', checkpointOptions, options);
  const { directory, every, keep, write, upgrade = (saved) => saved } = settings;
  const mayDiffer = settings.mayDiffer.map((key) => `config.${key}`);
  return {
    every,
    async checkFolder(stepsDone) {
      const [path] = await listCheckpoints(directory);
      checkNoneNewer(path ? { path, step: stepOfCheckpoint(path) } : undefined, stepsDone);
    },
    async save(step) {
      const states: Record<string, State> = {};
      for (const [name, part] of Object.entries(parts)) states[name] = await part.state();
      const path = await writeCheckpoint(directory, { step, recipe, parts: states }, write);
      await pruneCheckpoints(directory, keep);
      return path;
    },
    async restore(warn) {
      const checkpoint = await readLatestCheckpoint(directory, warn);
      if (!checkpoint) return undefined;
      checkRecipe({ ...checkpoint, recipe: upgrade(checkpoint.recipe) }, recipe, mayDiffer);
      for (const [name, part] of Object.entries(parts)) {
        await part.restore(checkpoint.parts[name] ?? { values: {}, tensors: {} });
      }
      return checkpoint.step;
    },
  };
}

/** Throws when a run would write its checkpoints among those of a run that is further on. */
function checkNoneNewer(newest: { path: string; step: number } | undefined, stepsDone: number): void {
  check(newest === undefined || newest.step <= stepsDone, () => ({
    where: 'run',
    what: 'the newest checkpoint in the folder',
    got: newest!.path,
    expected: stepsDone === 0 ? 'none, for a new run' : `none after step ${stepsDone}`,
    fix: 'Call resume() first, or choose another folder.',
  }));
}
