// Stands in for what parts declare, until they do.
import { type Options, option } from '@protomem/core';
import { losses } from '@protomem/losses';
import { optimizers } from '@protomem/training';

/** The options of each part of a registry. */
const optionsOfEach = <R extends Readonly<Record<string, { readonly options: Options }>>>(registry: R) =>
  Object.fromEntries(Object.entries(registry).map(([name, { options }]) => [name, options])) as {
    readonly [K in keyof R]: R[K]['options'];
  };
export const lossFields = optionsOfEach(losses);
export const optimizerFields = optionsOfEach(optimizers);
export const minerFields = {
  doppelgangers: option.integer({ help: 'Look-alikes kept for each identity.', min: 1, default: 4 }),
  expireAfter: option.integer({ help: 'Steps for which they count.', min: 1, default: 200 }),
  duplicateAbove: option.number({ help: 'Cosine.', min: -1, max: 1, default: 0.7 }),
  lag: option.integer({ help: 'Steps between two looks.', min: 1, default: 8 }),
};
