import { check, type ImageSource, type PlannedImage, Random } from '@protomem/core';
import { chooseImages } from './choose-images.ts';

/** What a sampler reads of a source: counts, never images. */
export type CountedSource = Pick<ImageSource, 'name' | 'identities' | 'imagesOf' | 'imagesPerIdentity' | 'imageEnds'>;

/**
 * What becomes of an identity with fewer than K images:
 * - `repeat`: each of its images comes floor(K / n) or one more times, each time augmented by another seed;
 * - `fill`: each comes once, and images of other identities, drawn at random, take the places that are left, under
 *   their own labels; where no other identity is left to draw (32 tries), it repeats;
 * - `skip`: it takes no part.
 *
 * Who has no image takes no part, whatever the rule.
 */
export type FewImages = (typeof fewImagesRules)[number];

export const fewImagesRules = ['repeat', 'fill', 'skip'] as const;

/** Strangers that are tried for the places that an identity leaves. */
const TRIES = 32;

/** Images of one identity on their way into a batch. */
export interface Portion {
  readonly identity: number;
  readonly images: readonly number[];
}

/** The number of images of an identity, which must have some. */
export function imagesOf(where: string, source: CountedSource, identity: number): number {
  const available = source.imagesOf(identity);
  check(available >= 1, () => ({
    where,
    what: `the number of images of identity ${identity} in ${source.name}`,
    got: available,
    expected: 'at least 1',
  }));
  return available;
}

/**
 * Lays out a batch: K images for each portion; what a short one lacks is taken from strangers, or repeats.
 *
 * @param portions up to K images each; shorter ones only under the rule `fill`.
 * @param key words that seed the strangers and the augmentation, different for each batch.
 */
export function layOut(
  source: CountedSource,
  portions: readonly Portion[],
  count: number,
  ...key: readonly number[]
): PlannedImage[] {
  const random = new Random(...key);
  const inBatch = new Set(portions.map(({ identity }) => identity));
  const plan: PlannedImage[] = [];
  const add = (identity: number, images: readonly number[]): void => {
    for (const image of images) plan.push({ identity, image, seed: random.uint32() });
  };
  for (const { identity, images } of portions) {
    add(identity, images);
    let missing = count - images.length;
    for (let i = 0; i < TRIES && missing > 0; i++) {
      const stranger = random.below(source.identities);
      const available = source.imagesOf(stranger);
      if (inBatch.has(stranger) || available === 0) continue;
      inBatch.add(stranger);
      const taken = Math.min(missing, available);
      add(stranger, chooseImages(available, taken, random));
      missing -= taken;
    }
    if (missing > 0)
      add(
        identity,
        chooseImages(images.length, missing, random).map((i) => images[i]!),
      );
  }
  return plan;
}
