import { option } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import type { Collective } from '@protomem/engine';

/** The options that every head has. */
export const headOptions = {
  dimension: option.integer({ help: 'D, width of an embedding.', min: 1 }),
  loss: option.given<CosineLoss>()({ help: 'Any loss on cosines; its scale and margin are its own.' }),
};

/** Of heads whose columns can be divided among processes. */
export const shardOptions = {
  sharded: option.flag({
    help: 'Divides the columns among the processes that train together, for more of them than one holds; one process alone keeps all.',
    default: false,
  }),
  collective: option.given<Collective>()({
    help: 'The processes that they are divided among.',
    absent: 'those of the active engine',
  }),
};
