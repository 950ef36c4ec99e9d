import { part } from '@protomem/core';
import { composeSampler } from './compose-sampler.ts';
import { perImage } from './count-visits.ts';
import { portionOrder } from './portion-order.ts';
import { portionOptions } from './sampler-options.ts';

/**
 * Every image once a pass. With K = 1, the default, that is instance sampling, as plain softmax is trained. With more,
 * images come in portions of K of one identity: an identity with n images comes ceil(n / K) times, so that people with
 * many images are seen as often as they would be image by image, and each still brings K exemplars at a time. A last
 * portion that is not full repeats images of its identity.
 *
 * An identity may have several portions in one batch. Keeps nothing for each identity where all have as many images
 * (`imagesPerIdentity` of the source) or, for K = 1, where the source has a table of them (`imageEnds`, as folders
 * have); else 8 bytes.
 *
 * @returns a sampler whose state is one number.
 * @throws when there is no image, or none that `fewImages: 'skip'` leaves.
 *
 * @example
 * ```ts
 * const instances = everyImage({ source, classes: 256 }); // batches of 256 images
 * const pairs = everyImage({ source, classes: 64, images: 2 }); // batches of 128, two of an identity side by side
 * ```
 */
export const everyImage = part('everyImage', portionOptions, (options) => {
  const where = 'everyImage';
  const { images } = options;
  const portions = images === 1 ? perImage : (count: number) => Math.ceil(count / images);
  return composeSampler(where, options, portionOrder(where, options, portions));
});
