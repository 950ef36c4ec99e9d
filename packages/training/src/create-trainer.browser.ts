import { ProtomemError, part } from '@protomem/core';
import { trainerOf } from './trainer.ts';
import { trainerOptions } from './trainer-options.ts';

/** `createTrainer` of `create-trainer.ts`, for browsers: without checkpoints. */
export const createTrainer = part('createTrainer', trainerOptions, (settings) =>
  trainerOf(settings, () => {
    throw new ProtomemError({
      where: 'createTrainer',
      what: 'checkpoints',
      got: 'given',
      expected: 'none in a browser, which has no files',
      fix: 'Keep what the encoder (parametersState of @protomem/engine), the head and the optimizer say of their state.',
    });
  }),
);
