import { adamW } from './adam-w.ts';
import { sgd } from './sgd.ts';

/** Optimizers by name; pass `{ ...optimizers, mine }` to `lookUp` to add one. */
export const optimizers = { sgd, adamW } as const;
