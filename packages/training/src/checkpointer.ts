import { integer, type State, type Stateful } from '@protomem/core';
import {
  checkRecipe,
  listCheckpoints,
  pruneCheckpoints,
  readLatestCheckpoint,
  stepOfCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import type { Recipe } from './recipe.ts';
import { refuseNewerCheckpoint } from './refusals.ts';
import type { CheckpointOptions } from './trainer-options.ts';

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
  const { directory, write, upgrade = (saved) => saved } = options;
  const every = integer('createTrainer', 'checkpoints.every', options.every, 1);
  const keep = integer('createTrainer', 'checkpoints.keep', options.keep ?? 2, 1);
  const mayDiffer = (options.mayDiffer ?? []).map((key) => `config.${key}`);
  return {
    every,
    async checkFolder(stepsDone) {
      const [path] = await listCheckpoints(directory);
      refuseNewerCheckpoint(path ? { path, step: stepOfCheckpoint(path) } : undefined, stepsDone);
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
