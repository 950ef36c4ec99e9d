import { part } from '@protomem/core';
import { createCheckpointer } from './checkpointer.ts';
import { trainerOf } from './trainer.ts';
import { trainerOptions } from './trainer-options.ts';

/**
 * Trains an encoder and its head: batches in, steps of the optimizer out.
 *
 * A step whose loss or gradient norm is not finite is refused before the optimizer sees it: the error names the step,
 * the images and the learning rate, trainable parameters are as they were, and the last checkpoint stays. (Running
 * statistics and the head's memory have seen the batch by then: go on from the checkpoint.)
 *
 * A resumed run gives bit for bit the weights of one that was never interrupted, on the same engine with the same
 * number of threads.
 *
 * @returns a trainer; it owns no tensors between steps.
 * @throws ProtomemError when an option is out of range.
 * @example
 * ```ts
 * const trainer = createTrainer({
 *   encoder, head, loader, steps: 2000,
 *   optimizer: sgd(), schedule: cosine({ base: 0.1, warmup: 100, steps: 2000 }),
 *   loggers: [consoleLogger()], checkpoints: { directory: 'run/checkpoints', every: 200 },
 * });
 * await trainer.resume();
 * await trainer.run();
 * ```
 */
export const createTrainer = part('createTrainer', trainerOptions, (settings) =>
  trainerOf(settings, createCheckpointer),
);
