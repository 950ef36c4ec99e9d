// Stands in for what parts declare, until they do.
import { option } from '@protomem/core';
import { losses } from '@protomem/losses';

const share = { min: 0, max: 1 } as const;
export const lossFields = Object.fromEntries(Object.entries(losses).map(([name, loss]) => [name, loss.options])) as {
  readonly [K in keyof typeof losses]: (typeof losses)[K]['options'];
};
export const minerFields = {
  doppelgangers: option.integer({ help: 'Look-alikes kept for each identity.', min: 1, default: 4 }),
  expireAfter: option.integer({ help: 'Steps for which they count.', min: 1, default: 200 }),
  duplicateAbove: option.number({ help: 'Cosine.', min: -1, max: 1, default: 0.7 }),
  lag: option.integer({ help: 'Steps between two looks.', min: 1, default: 8 }),
};
export const optimizerFields = {
  sgd: optimizers.sgd.options,
  'adam-w': optimizers['adam-w'].options,
};
