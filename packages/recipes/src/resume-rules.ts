import type { Json } from '@protomem/core';
import { losses } from '@protomem/losses';
import { checkResumed } from '@protomem/training';
import { optionsOfEach } from './schema.ts';

/** Dotted keys of a configuration that say nothing of what is learnt: a resumed run takes them as they are now. */
export const mayDiffer = [
  ...[
    'engine',
    'loader',
    'checkpoint',
    'log',
    'evaluation',
    'baselines',
    'plan',
    'data.maxMissing',
    'optimizer.maxWeightNorm',
  ],
  // Where the data lies and how it is opened: a checkpoint's identities tell whether it is the same.
  ...['path', 'format', 'root', 'columns', 'identity'].map((key) => `data.${key}`),
];

/** Files that may have moved: that they hold the same is for their owner to know. */
export const movedFiles = ['encoder.init', 'distillation.teacher'];

/**
 * Dotted keys that may change on the way: each change is noted in the run's log and its report. Not the name of the loss,
 * which may have a state; `steps` only grow; another batch size is for the sampler to take, and those whose order of
 * images depends on it (`every-image`, `weighted`) refuse.
 */
export const mayChange = [
  'steps',
  'schedule',
  ...movedFiles,
  'optimizer.clipNorm',
  'optimizer.weightDecay',
  'optimizer.encoderBatch',
  'optimizer.synchronizeNorms',
  'optimizer.compressGradients',
  'sampler.classes',
  // Partial FC draws other negatives then; a memory goes on as it would have.
  'head.sharded',
  ...new Set(
    Object.values(optionsOfEach(losses)).flatMap((options) => Object.keys(options).map((key) => `head.loss.${key}`)),
  ),
  'head.loss.interClassFilter',
];

/**
 * Whether a run may go on with another configuration than its own.
 *
 * @returns what changes in what is learnt
 * @throws ProtomemError that names each key that must not differ, with both values
 */
export function checkConfig(whose: string, saved: object, now: object) {
  const below = (keys: readonly string[]): string[] => keys.map((key) => `config.${key}`);
  const rules = { mayDiffer: below(mayDiffer), mayChange: below(mayChange) };
  return checkResumed(whose, { config: saved as Json }, { config: now as Json }, rules);
}
