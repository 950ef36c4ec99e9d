import { integer, type MinedClasses, type Sampler } from '@protomem/core';
import { type ClassesByImagesOptions, identitySampler } from './identity-sampler.ts';

/** Options of {@link plannedClasses}. */
export interface PlannedOptions extends ClassesByImagesOptions {
  /** Identities of a batch that come in random order, 1 ... C: their share is what keeps everybody in the game. */
  readonly randomClasses: number;
  /**
   * Names identities for the other C - `randomClasses` places, such as `minedClasses` of a miner: look-alikes of those that
   * are chosen. It may name fewer, or some that are in the batch already; the random order then fills the places.
   */
  readonly minedClasses: MinedClasses;
}

/**
 * Batches of C identities x K images, of which somebody else chooses a part, with the images of one identity side by side.
 *
 * `randomClasses` of the identities come as in `classesByImages`, so that everybody still comes at least once a pass; where
 * `minedClasses` leaves places empty, the pass only gets shorter. `batchesPerEpoch` is that of a pass in which it
 * leaves none.
 *
 * The state has the sampler's own numbers only: what `minedClasses` looks at is saved by whoever owns it. A loader plans
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
export function plannedClasses(options: PlannedOptions): Sampler {
  const where = 'plannedClasses';
  const { minedClasses } = options;
  const randomClasses = integer(
    where,
    'randomClasses',
    options.randomClasses,
    1,
    integer(where, 'classes', options.classes, 1),
  );
  return identitySampler(where, options, 1, 1, { randomClasses, minedClasses });
}
