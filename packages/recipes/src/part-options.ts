// Stands in for what parts declare, until they do.
import { option } from '@protomem/core';
import { losses } from '@protomem/losses';

const share = { min: 0, max: 1 } as const;
export const lossFields = Object.fromEntries(Object.entries(losses).map(([name, loss]) => [name, loss.options])) as {
  readonly [K in keyof typeof losses]: (typeof losses)[K]['options'];
};
export const optimizerFields = {
  sgd: {
    momentum: option.number({ help: '', ...share, default: 0.9 }),
    weightDecay: option.number({ help: '', ...share, default: 5e-4 }),
    nesterov: option.flag({ help: '', default: false }),
  },
};
