import { part } from '@protomem/core';
import { composeSampler } from './compose-sampler.ts';
import { samplerOptions } from './sampler-options.ts';
import { streamOrder } from './stream-order.ts';

/**
 * Batches of C identities x K images, images of one identity side by side.
 *
 * Every pass over the data visits each identity exactly once, in an order of its own. Batches are always full: where
 * the identities left in a pass are fewer than C, the batch goes on with the next pass; an identity that would then be
 * in it twice moves to the next batch. Images of one identity differ while it has at least K; one with fewer repeats
 * them evenly (each floor(K / n) or one more times), each repeat augmented by a seed of its own.
 *
 * Memory O(C · K) for any number of identities; a saved state is as small, and resumes at any batch.
 *
 * @throws when the source has fewer than C identities.
 *
 * @example
 * ```ts
 * const sampler = classesByImages({ source, classes: 32, images: 4, seed: 1 });
 * sampler.next(); // 128 planned images
 * ```
 */
export const classesByImages = part('classesByImages', samplerOptions, (options) => {
  const where = 'classesByImages';
  return composeSampler(where, options, streamOrder(where, options, 1, 1));
});
