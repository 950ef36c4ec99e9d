import { lookUp, type Sampler } from '@protomem/core';
import { classesByImages } from './classes-by-images.ts';
import { everyImage } from './every-image.ts';
import { groupIterateAndShuffle } from './group-iterate-and-shuffle.ts';
import { weightedClasses } from './weighted-classes.ts';

/** Samplers by the order that their classes come in, as configurations name it. */
export const samplers = {
  'every-class': classesByImages,
  groups: groupIterateAndShuffle,
  'every-image': everyImage,
  weighted: weightedClasses,
} as const;

/** An order of classes, a name in {@link samplers}. */
export type SamplerName = keyof typeof samplers;

/**
 * Makes a sampler by the order of its classes.
 *
 * @param options of that sampler: `samplers[name].options` says what they are.
 *
 * @example
 * ```ts
 * const sampler = createSampler('every-class', { source, classes: 32, images: 4 });
 * ```
 */
export function createSampler<N extends SamplerName>(name: N, options: Parameters<(typeof samplers)[N]>[0]): Sampler {
  return lookUp<(options: never) => Sampler>('createSampler', 'name', samplers, name)(options as never);
}
