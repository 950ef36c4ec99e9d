import { check, readOptions, type State, type Stateful } from '@protomem/core';
import {
  checkRecipe,
  listCheckpoints,
  newestReadable,
  pruneCheckpoints,
  stepOfCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import type { Recipe, RecipeChange } from './recipe.ts';
import { type CheckpointOptions, checkpointOptions } from './trainer-options.ts';

/** Saves and restores the parts of one run. */
export interface Checkpointer {
  /** Steps between two checkpoints. */
  readonly every: number;
  /** Throws when the folder belongs to a run that is further on. */
  checkFolder(stepsDone: number): Promise<void>;
  /** @returns the path. */
  save(step: number): Promise<string>;
  /**
   * Restores all parts. Nothing in the folder is touched unless all is accepted.
   *
   * @returns the step and what changes there; `undefined` when there is no checkpoint.
   */
  restore(warn: (text: string) => void): Promise<{ step: number; changes: readonly RecipeChange[] } | undefined>;
}

/** What every trainer's recipe may change at a resume; the sampler has its say about another batch size. */
const ownMayChange = [
  'steps',
  'batchSize',
  'clipNorm',
  'encoderBatch',
  'synchronizeNorms',
  'compressGradients',
  'optimizer.weightDecay',
];

export function createCheckpointer(
  options: CheckpointOptions,
  recipe: Recipe,
  parts: Readonly<Record<string, Stateful>>,
): Checkpointer {
  const settings = readOptions('createTrainer: checkpoints', checkpointOptions, options);
  const { directory, every, keep, write, identities, upgrade = (saved) => saved } = settings;
  const mayDiffer = settings.mayDiffer.map((key) => `config.${key}`);
  const mayChange = [...ownMayChange, ...settings.mayChange.map((key) => `config.${key}`)];
  return {
    every,
    async checkFolder(stepsDone) {
      const [path] = await listCheckpoints(directory);
      checkNoneNewer(path ? { path, step: stepOfCheckpoint(path) } : undefined, stepsDone);
    },
    async save(step) {
      const states: Record<string, State> = {};
      for (const [name, part] of Object.entries(parts)) states[name] = await part.state();
      await identities?.keep();
      const mark = identities && { identities: identities.mark() };
      const path = await writeCheckpoint(directory, { step, recipe, ...mark, parts: states }, write);
      await pruneCheckpoints(directory, keep);
      return path;
    },
    async restore(warn) {
      const { checkpoint, setAside } = await newestReadable(directory, warn);
      if (!checkpoint) return undefined;
      const { step, parts: states } = checkpoint;
      const saved = { ...checkpoint, recipe: upgrade(checkpoint.recipe) };
      const changes = checkRecipe(saved, recipe, mayDiffer, mayChange);
      if (checkpoint.identities) await identities?.check(checkpoint.identities, `the checkpoint at step ${step}`);
      else if (identities)
        warn('The checkpoint does not say whom it was trained on: whether the data is the same cannot be checked.');
      for (const [name, part] of Object.entries(parts)) {
        await part.restore(states[name] ?? { values: {}, tensors: {} });
      }
      await setAside();
      return { step, changes: changes.filter((change) => !saidByConfig(change, changes)) };
    },
  };
}

/** Whether a key of the trainer's own, such as `steps`, only repeats one of `config`. */
function saidByConfig({ key }: RecipeChange, changes: readonly RecipeChange[]): boolean {
  return !key.startsWith('config.') && changes.some((other) => other.key !== key && other.key.endsWith(`.${key}`));
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
