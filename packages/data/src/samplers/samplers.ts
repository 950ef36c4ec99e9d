import { lookUp, type Sampler } from '@protomem/core';
import { classesByImages } from './classes-by-images.ts';
import { everyImage } from './every-image.ts';
import { groupIterateAndShuffle } from './group-iterate-and-shuffle.ts';
import { plannedClasses } from './planned-classes.ts';
import { weightedClasses } from './weighted-classes.ts';

/** Samplers by the names that configurations use. */
export const samplers = {
  'classes-by-images': classesByImages,
  groups: groupIterateAndShuffle,
  'every-image': everyImage,
  weighted: weightedClasses,
  doppelgangers: plannedClasses,
} as const;

/** A name of a sampler in {@link samplers}. */
export type SamplerName = keyof typeof samplers;

/**
 * Makes a sampler by its name.
 *
 * @param options of that sampler: `samplers[name].options` says what they are.
 *
 * @example
 * ```ts
 * const sampler = createSampler('classes-by-images', { source, classes: 32, images: 4 });
 * ```
 */
export function createSampler<N extends SamplerName>(name: N, options: Parameters<(typeof samplers)[N]>[0]): Sampler {
  return lookUp<(options: never) => Sampler>('createSampler', 'name', samplers, name)(options as never);
}
