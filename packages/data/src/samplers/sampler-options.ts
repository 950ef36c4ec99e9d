import { type MinedClasses, type MinedImages, option } from '@protomem/core';
import { type CountedSource, fewImagesRules } from './few-images.ts';

/** What every sampler takes; with these, each identity has one place in a batch. */
export const samplerOptions = {
  source: option.given<CountedSource>()({ help: 'Where the images are; only its counts are used.' }),
  classes: option.integer({ help: 'Identities in a batch, C.', min: 1 }),
  images: option.integer({ help: 'Images of each, K.', min: 1 }),
  fewImages: option.choice(fewImagesRules, {
    help: 'What becomes of an identity with fewer than K images: its own repeat, others fill the places, or it is left out.',
    default: 'repeat',
  }),
  seed: option.integer({ help: 'Another seed is another order.', min: 0, default: 0 }),
  randomClasses: option.integer({
    help: "Classes of a batch that come in the sampler's order; companions of theirs take the other places.",
    ...{ min: 1, absent: 'all of them' },
  }),
  /**
   * It may name fewer, or some that are in the batch already: random classes then fill the places. What it looks at is saved
   * by its owner. A loader plans ahead, by the prefetch, so that the number of the batch is what an answer may depend on,
   * never the moment.
   */
  minedClasses: option.given<MinedClasses>()({
    help: 'Names companions, such as `minedClasses` of a miner.',
    absent: 'random classes fill these places',
  }),
  hardImages: option.integer({ help: 'Images of each class that `minedImages` names, at most.', min: 0, default: 0 }),
  minedImages: option.given<MinedImages>()({
    help: 'Names images of a class, such as `minedImages` of a miner; the others come as they would.',
    absent: 'no image is named',
  }),
};

/** What samplers that cut the images of an identity into portions take; an identity may have several in a batch. */
export const portionOptions = {
  ...samplerOptions,
  classes: option.integer({ help: 'Portions of an identity in a batch, C.', min: 1 }),
  images: option.integer({ help: 'Images of one identity in a portion, K.', min: 1, default: 1 }),
};
