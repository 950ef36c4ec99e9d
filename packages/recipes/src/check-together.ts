import { baselines } from '@protomem/baselines';
import { ProtomemError } from '@protomem/core';
import { createLoss, type LossOptions } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import type { RunConfig, RunDraft } from './run-schema.ts';
import { given } from './schema.ts';

/** Heads that encode images themselves: each of several processes has its own images alone. */
const headsWithImages = Object.entries(baselines).flatMap(([kind, { options }]) =>
  'keyEncoder' in options || 'galleryEncoder' in options ? [kind] : [],
);

/** Refuses what several processes cannot train together, before anything is written. */
export function checkAmongRanks(
  where: string,
  { head, baselines: others, distillation }: RunDraft,
  size: number,
): void {
  if (size === 1) return;
  const fix = 'Train it in one process.';
  const unfit = [head.kind, ...others].find((kind) => headsWithImages.includes(kind));
  if (unfit)
    refuse(
      where,
      `a head for ${size} ranks`,
      unfit,
      `one that needs no images: not ${headsWithImages.join(', ')}`,
      fix,
    );
  if (head.kind === 'prototype-memory' && head.momentum !== null) {
    refuse(where, 'head.momentum', head.momentum, `null, for ${size} ranks: a momentum encoder needs all images`, fix);
  }
  if (distillation.teacher !== null) {
    refuse(
      where,
      'distillation.teacher',
      distillation.teacher,
      `null, for ${size} ranks: a teacher needs all images`,
      fix,
    );
  }
}

/** Heads that see which identities look alike. */
export const headsWithLookAlikes: readonly RunConfig['head']['kind'][] = ['prototype-memory'];

/**
 * Refuses options that are each in order and do not go together, before anything of the run is made; what is left to the
 * plan is checked once it has been made.
 */
export function checkTogether(where: string, config: RunDraft): void {
  checkColumns(where, config);
  checkMemory(where, config);
  checkMining(where, config);
  checkLoss(where, config);
  const { steps, schedule, epochs, baselines: others } = config;
  const twice = others.find((kind, i) => others.indexOf(kind) < i);
  if (twice) refuse(where, 'baselines', twice, 'each once: it has a folder by its name');
  if (steps === null) return;
  if (epochs === null && schedule.kind === 'one-cycle' && steps < 2) {
    refuse(where, 'steps', steps, 'at least 2, with schedule.kind=one-cycle: a rise and a fall');
  }
  if (schedule.warmup === null) return;
  const longest = schedule.kind === 'one-cycle' ? steps : steps - 1;
  if (epochs === null && schedule.warmup > longest) {
    refuse(where, 'schedule.warmup', schedule.warmup, `at most ${longest}, with steps=${steps}`);
  }
}

function refuse(where: string, what: string, got: unknown, expected: string, fix?: string): never {
  throw new ProtomemError({ where, what, got, expected, fix });
}

/** A batch has to fit the columns that it is put into. */
function checkColumns(where: string, { head, sampler }: RunDraft): void {
  const { classes, images } = sampler;
  if (classes === null) return;
  if (head.kind === 'prototype-memory' && head.size !== null && head.size < classes) {
    refuse(where, 'head.size', head.size, `at least sampler.classes, ${classes}: a batch's classes are all in memory`);
  }
  if (head.kind === 'semi-siamese' && head.size !== null && images !== null && head.size < classes * images) {
    refuse(where, 'head.size', head.size, `at least the images of a batch, ${classes * images}`);
  }
  const { order } = sampler;
  if (order.kind === 'groups' && order.groupSize !== null && order.groupSize < classes) {
    refuse(where, 'sampler.order.groupSize', order.groupSize, `at least sampler.classes, ${classes}`);
  }
}

function checkMemory(where: string, { head, encoder }: RunDraft): void {
  if (head.kind !== 'prototype-memory') return;
  const { kind: _, loss: __, reencode, momentum, batchShare: ___, ...options } = given(head);
  createPrototypeMemory.check({ ...options, size: head.size ?? 1, dimension: encoder.embeddingSize });
  if (momentum !== undefined && options.gradient !== 'stop') {
    refuse(where, 'head.gradient', options.gradient, 'stop, with head.momentum: its prototypes are constant');
  }
  const { every, classes, images } = reencode;
  if (momentum !== undefined && every > 0) {
    const fix = 'Set head.reencode.every=0, or head.momentum=null.';
    refuse(
      where,
      'head.reencode.every',
      every,
      '0, with head.momentum: the trained encoder does not make the prototypes',
      fix,
    );
  }
  if (every > 0 && head.size !== null && classes > head.size) {
    refuse(where, 'head.reencode.classes', classes, `at most head.size, ${head.size}: there are no more in memory`);
  }
  if (every > 0 && classes * images < 2) {
    const fix = 'Set head.reencode.images=2, or more classes.';
    refuse(where, 'head.reencode.classes times images', classes * images, 'at least 2, for batch norm', fix);
  }
}

/** Makes the loss, which costs nothing, for what it refuses itself; a filter, and a memory that is divided, need one with a form. */
function checkLoss(where: string, { head }: RunDraft): void {
  if (!('loss' in head) || head.loss.name === 'own') return;
  const { name, interClassFilter, ...options } = head.loss;
  const made: object = createLoss(name, given(options) as LossOptions<typeof name>);
  if (interClassFilter !== null && !('form' in made)) {
    refuse(where, 'head.loss.interClassFilter', interClassFilter, `null: the loss ${name} has no form to filter`);
  }
  const seesAll = 'sharded' in head && head.sharded && !('hardest' in head && head.hardest !== null);
  if (seesAll && !('form' in made)) {
    const fix = `Take a softmax loss such as cos-face${'hardest' in head ? ', or set head.hardest' : ''}.`;
    refuse(where, 'head.sharded', true, `false: the loss ${name} needs all columns in one process`, fix);
  }
}

type SamplerConfig = RunDraft['sampler'];

/** Whether batches are planned from what the head sees. */
export const asksMiner = ({ companions, imageChoice }: SamplerConfig): boolean =>
  companions.kind !== 'none' || imageChoice.kind !== 'random';

/** Images of each class that a miner names. */
export const hardImagesOf = ({ imageChoice, images }: RunConfig['sampler']): number =>
  imageChoice.kind === 'hard' ? Math.floor(imageChoice.share * images) : 0;

/** Companions and hard images need a head that sees who looks like whom, and plans that are ready when the loader asks. */
function checkMining(where: string, { sampler, head, baselines, loader }: RunDraft): void {
  if (!asksMiner(sampler)) return;
  const { companions, imageChoice, images, mining } = sampler;
  const key = companions.kind === 'none' ? 'imageChoice' : 'companions';
  const blind = [head.kind, ...baselines].find((kind) => !headsWithLookAlikes.includes(kind));
  if (blind) {
    const otherwise = key === 'companions' ? 'sampler.companions=none' : 'sampler.imageChoice=random';
    refuse(
      where,
      `a head for sampler.${key}=${sampler[key].kind}`,
      blind,
      `a head that sees who looks like whom: ${headsWithLookAlikes.join(', ')}`,
      blind === head.kind ? `Set ${otherwise}.` : `Set baselines=[], or ${otherwise}.`,
    );
  }
  if (loader.prefetch > mining.lag) {
    refuse(where, 'sampler.mining.lag', mining.lag, `at least loader.prefetch, ${loader.prefetch}`);
  }
  if (
    imageChoice.kind === 'hard' &&
    images !== null &&
    hardImagesOf({ ...sampler, images } as RunConfig['sampler']) === 0
  ) {
    const expected = `at least ${1 / images}: one of the sampler.images=${images} of a class`;
    refuse(where, 'sampler.imageChoice.share', imageChoice.share, expected, 'Or set sampler.imageChoice=random.');
  }
}
