import { ProtomemError } from '@protomem/core';
import { createLoss, type LossOptions } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import type { RunConfig } from './run-schema.ts';
import { given } from './schema.ts';

/** Heads that see which identities look alike. */
export const headsWithLookAlikes: readonly RunConfig['head']['kind'][] = ['prototype-memory'];

/** Refuses options that are each in order and do not go together, before anything of the run is made. */
export function checkTogether(where: string, config: RunConfig): void {
  checkColumns(where, config);
  checkMemory(config);
  checkDoppelgangers(where, config);
  checkLoss(where, config);
  const { steps, schedule, epochs } = config;
  const longest = schedule.kind === 'one-cycle' ? steps : steps - 1;
  if (epochs === null && schedule.warmup > longest) {
    refuse(where, 'schedule.warmup', schedule.warmup, `at most ${longest}, with steps=${steps}`);
  }
}

function refuse(where: string, what: string, got: unknown, expected: string, fix?: string): never {
  throw new ProtomemError({ where, what, got, expected, fix });
}

/** A batch has to fit the columns that it is put into. */
function checkColumns(where: string, { head, sampler }: RunConfig): void {
  const { classes, images } = sampler;
  if (head.kind === 'prototype-memory' && head.size < classes) {
    refuse(where, 'head.size', head.size, `at least sampler.classes, ${classes}: a batch's classes are all in memory`);
  }
  if (head.kind === 'semi-siamese' && head.size < classes * images) {
    refuse(where, 'head.size', head.size, `at least the images of a batch, ${classes * images}`);
  }
  if (sampler.kind === 'groups' && sampler.groupSize !== null && sampler.groupSize < classes) {
    refuse(where, 'sampler.groupSize', sampler.groupSize, `at least sampler.classes, ${classes}`);
  }
}

function checkMemory({ head, encoder }: RunConfig): void {
  if (head.kind !== 'prototype-memory') return;
  const { kind: _, loss: __, ...options } = given(head);
  createPrototypeMemory.check({ ...options, dimension: encoder.embeddingSize });
}

/** Makes the loss, which costs nothing, for what it refuses itself; and a filter needs a loss that it can be put into. */
function checkLoss(where: string, { head }: RunConfig): void {
  if (!('loss' in head) || head.loss.name === 'own') return;
  const { name, interClassFilter, ...options } = head.loss;
  const made: object = createLoss(name, given(options) as LossOptions<typeof name>);
  if (interClassFilter !== null && !('form' in made)) {
    refuse(where, 'head.loss.interClassFilter', interClassFilter, `null: the loss ${name} has no form to filter`);
  }
}

/** Doppelgangers need a head that sees them, and plans that are ready when the loader asks. */
function checkDoppelgangers(where: string, { sampler, head, baselines, loader }: RunConfig): void {
  if (sampler.kind !== 'doppelgangers') return;
  const blind = [head.kind, ...baselines].find((kind) => !headsWithLookAlikes.includes(kind));
  if (blind) {
    refuse(
      where,
      'a head for sampler.kind=doppelgangers',
      blind,
      `a head that sees who looks like whom: ${headsWithLookAlikes.join(', ')}`,
      blind === head.kind ? 'Choose another sampler.kind.' : 'Set baselines=[], or choose another sampler.kind.',
    );
  }
  if (loader.prefetch > sampler.lag) {
    refuse(where, 'sampler.lag', sampler.lag, `at least loader.prefetch, ${loader.prefetch}`);
  }
}
