import { check, integer, type Sampler, type Settings, type State } from '@protomem/core';
import { checkSampler } from './check-sampler.ts';
import { countVisits } from './count-visits.ts';
import { layOut, type Portion } from './few-images.ts';
import { permutation } from './permutation.ts';
import type { portionOptions } from './sampler-options.ts';

/**
 * @internal Batches of C portions, each K images of one identity, which has a number of portions in each pass. All
 * portions of a pass are one permutation, so that the sampler's state is a number.
 *
 * @param visitsOf portions of an identity in a pass, from its number of images.
 * @param made what else the sampler was made with, for its state.
 */
export function portionSampler(
  where: string,
  options: Settings<typeof portionOptions>,
  visitsOf: (images: number) => number,
  made: Readonly<Record<string, number>> = {},
): Sampler {
  const { source, classes, images, fewImages, seed } = options;
  const visits = countVisits(
    source,
    fewImages === 'skip' ? (count) => (count < images ? 0 : visitsOf(count)) : visitsOf,
  );
  const portions = visits.total;
  check(portions > 0, () => ({
    where,
    what: `identities in ${source.name} that take part`,
    got: 0,
    expected: 'at least 1',
    fix:
      fewImages === 'skip'
        ? `None has ${images} images: ask for fewer, or for another rule than fewImages: 'skip'.`
        : undefined,
  }));
  // Keys as saved states have them.
  const { identities } = source;
  const config = { sampler: where, identities, portions, classes, images, few: fewImages, seed, ...made };
  let batch = 0;
  let order: { readonly pass: number; readonly at: (index: number) => number } | undefined;

  /** The images of one portion: the identity's images in this pass's order, cut into pieces of K. */
  const portionAt = (position: number): Portion => {
    const pass = Math.floor(position / portions);
    if (order?.pass !== pass) order = { pass, at: permutation(portions, seed, 3, pass) };
    const { identity, turn } = visits.at(order.at(position % portions));
    const available = source.imagesOf(identity);
    const shuffled = permutation(available, seed, 4, pass, identity);
    const length = fewImages === 'fill' ? Math.min(images, available) : images;
    return {
      identity,
      images: Array.from({ length }, (_, i) => shuffled((turn * images + i) % available)),
    };
  };

  return {
    batchSize: classes * images,
    batchesPerEpoch: Math.ceil(portions / classes),
    next() {
      const first = batch * classes;
      const chosen = Array.from({ length: classes }, (_, i) => portionAt(first + i));
      return layOut(where, source, chosen, images, seed, 5, batch++);
    },
    state: (): State => ({ values: { ...config, batch }, tensors: {} }),
    restore(state) {
      checkSampler(where, config, state);
      batch = integer(where, 'batch of the saved state', state.values.batch as number, 0);
    },
  };
}
