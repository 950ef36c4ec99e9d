import { option } from '@protomem/core';
import { type CountedSource, fewImagesRules } from './few-images.ts';

/** What samplers that give each identity one place in a batch take. */
export const samplerOptions = {
  source: option.given<CountedSource>()({ help: 'Where the images are; only its counts are used.' }),
  classes: option.integer({ help: 'Identities in a batch, C.', min: 1 }),
  images: option.integer({ help: 'Images of each, K.', min: 1 }),
  fewImages: option.choice(fewImagesRules, {
    help: 'What becomes of an identity with fewer than K images: its own repeat, others fill the places, or it is left out.',
    default: 'repeat',
  }),
  seed: option.integer({ help: 'Another seed is another order.', min: 0, default: 0 }),
};

/** What samplers that cut the images of an identity into portions take; an identity may have several in a batch. */
export const portionOptions = {
  ...samplerOptions,
  classes: option.integer({ help: 'Portions of an identity in a batch, C.', min: 1 }),
  images: option.integer({ help: 'Images of one identity in a portion, K.', min: 1, default: 1 }),
};
