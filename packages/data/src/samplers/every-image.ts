import { check, type ImageSource, integer, type PlannedImage, Random, type Sampler, type State } from '@protomem/core';
import { checkSampler } from './check-sampler.ts';
import { permutation } from './permutation.ts';

export interface EveryImageOptions {
  /** Only its counts are used. */
  readonly source: Pick<ImageSource, 'name' | 'identities' | 'imagesOf'>;
  /** Portions in a batch, C >= 1. */
  readonly classes: number;
  /** Images of one identity in a portion, K >= 1. */
  readonly images: number;
  /** Any safe integer >= 0. Default 0. */
  readonly seed?: number;
}

/**
 * Every image once a pass, in portions of K images of one identity: an identity with n images comes ceil(n / K) times,
 * so that people with many images are seen as often as they would be image by image, and each still brings K exemplars
 * at a time. A last portion that is not full repeats images of its identity.
 *
 * An identity may have several portions in one batch. Keeps 8 bytes for each identity: for more of them than memory
 * allows, use {@link classesByImages} or {@link groupIterateAndShuffle}, which keep nothing.
 *
 * @returns a sampler whose state is one number.
 *
 * @example
 * ```ts
 * const sampler = everyImage({ source, classes: 64, images: 2 }); // batches of 128
 * ```
 */
export function everyImage(options: EveryImageOptions): Sampler {
  const where = 'everyImage';
  const { source, classes, images, seed = 0 } = options;
  integer(where, 'classes', classes, 1);
  integer(where, 'images', images, 1);
  integer(where, 'seed', seed, 0);
  // starts[i]: number of the first portion of identity i; the last entry counts all.
  const starts = new Float64Array(source.identities + 1);
  for (let identity = 0; identity < source.identities; identity++) {
    starts[identity + 1] = starts[identity]! + Math.ceil(source.imagesOf(identity) / images);
  }
  const portions = starts[source.identities]!;
  check(portions > 0, () => ({ where, what: `images in ${source.name}`, got: 0, expected: 'at least 1' }));
  const config = { sampler: where, identities: source.identities, portions, classes, images, seed };
  let batch = 0;
  let order: { readonly pass: number; readonly at: (index: number) => number } | undefined;

  /** The images of one portion: the identity's images in this pass's order, cut into pieces of K. */
  const portionAt = (position: number): PlannedImage[] => {
    const pass = Math.floor(position / portions);
    if (order?.pass !== pass) order = { pass, at: permutation(portions, seed, 3, pass) };
    const portion = order.at(position % portions);
    const identity = lastAtMost(starts, portion);
    const available = source.imagesOf(identity);
    const shuffled = permutation(available, seed, 4, pass, identity);
    const random = new Random(seed, 5, position);
    const first = (portion - starts[identity]!) * images;
    return Array.from({ length: images }, (_, i) => ({
      identity,
      image: shuffled((first + i) % available),
      seed: random.uint32(),
    }));
  };

  return {
    batchSize: classes * images,
    batchesPerEpoch: Math.ceil(portions / classes),
    next() {
      const first = batch++ * classes;
      return Array.from({ length: classes }, (_, i) => portionAt(first + i)).flat();
    },
    state: (): State => ({ values: { ...config, batch }, tensors: {} }),
    restore(state) {
      checkSampler(where, config, state);
      batch = state.values.batch as number;
    },
  };
}

/** Index of the last entry that is <= value, in a rising array. */
function lastAtMost(rising: Float64Array, value: number): number {
  let [low, high] = [0, rising.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (rising[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
