import { integer, type MinedClasses, option, part } from '@protomem/core';
import { identitySampler } from './identity-sampler.ts';
import { samplerOptions } from './sampler-options.ts';

const options = {
  ...samplerOptions,
  /** At most `classes`. They are why everybody comes in each pass. */
  randomClasses: option.integer({ help: 'Identities of a batch that come in random order.', min: 1 }),
  /**
   * Such as `minedClasses` of a miner: look-alikes of those that are chosen. It may name fewer, or some that are in the
   * batch already; the random order then fills the places.
   */
  minedClasses: option.given<MinedClasses>()({ help: 'Names identities for the other places of a batch.' }),
};

/**
 * Batches of C identities x K images, of which a miner chooses a part, with the images of one identity side by side.
 *
 * `randomClasses` of the identities come as in `classesByImages`, so that everybody still comes at least once a pass; where
 * `minedClasses` leaves places empty, the pass only gets shorter. `batchesPerEpoch` is that of a pass in which it
 * leaves none.
 *
 * The state has the sampler's own numbers only: what `minedClasses` looks at is saved by its owner. A loader plans
 * ahead, by the prefetch, so that the number of the batch is what an answer may depend on, never the moment. Such a
 * sampler cannot be sharded: each process would need what the others' miners know.
 *
 * @throws when the source has fewer than C identities; from `next()` when `minedClasses` names an identity that is none.
 *
 * @example
 * ```ts
 * const sampler = plannedClasses({ source, classes: 32, images: 4, randomClasses: 16, minedClasses: miner.minedClasses });
 * ```
 */
export const plannedClasses = part('plannedClasses', options, ({ randomClasses, minedClasses, ...rest }) => {
  const where = 'plannedClasses';
  integer(where, 'randomClasses', randomClasses, 1, rest.classes);
  return identitySampler(where, rest, 1, 1, { randomClasses, minedClasses });
});
