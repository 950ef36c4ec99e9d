import { option, part } from '@protomem/core';
import { composeSampler } from './compose-sampler.ts';
import { portionOrder } from './portion-order.ts';
import { portionOptions } from './sampler-options.ts';

const options = {
  ...portionOptions,
  power: option.number({ help: 'Exponent of the number of images.', min: 0, max: 1, default: 0.5 }),
};

/**
 * Identities weighted by their images: one with n images comes max(1, round((n / K)^p)) times a pass, with K images each
 * time, others each time. p = 0 is every identity once, p = 1 about every image once; between them, people with many
 * images are shown more often and still do not drown the others.
 *
 * The visits are dealt out, not drawn with replacement: nobody is left out of a pass, and chance adds nothing to the
 * weights. An identity may come more than once in a batch. Memory as for `everyImage`: nothing for each identity where
 * all have as many images, else 8 bytes.
 *
 * @returns a sampler whose state is one number.
 *
 * Source: the square root between instance and class-balanced sampling is that of Mahajan et al., "Exploring the Limits of
 * Weakly Supervised Pretraining" (ECCV 2018), section 2.2, where identities are drawn with replacement.
 *
 * @example
 * ```ts
 * const sampler = weightedClasses({ source, classes: 64, images: 2, power: 0.5, seed: 1 });
 * ```
 */
export const weightedClasses = part('weightedClasses', options, ({ power, ...rest }) => {
  const visits = (count: number): number => (count === 0 ? 0 : Math.max(1, Math.round((count / rest.images) ** power)));
  const where = 'weightedClasses';
  return composeSampler(where, rest, portionOrder(where, rest, visits, { power }));
});
