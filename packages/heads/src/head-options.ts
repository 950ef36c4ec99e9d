import { option } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';

/** The options that every head has. */
export const headOptions = {
  dimension: option.integer({ help: 'D, width of an embedding.', min: 1 }),
  loss: option.given<CosineLoss>()({ help: 'Any loss on cosines; its scale and margin are its own.' }),
};
