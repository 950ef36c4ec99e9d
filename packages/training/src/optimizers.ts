import { lookUp, type OptionsOf } from '@protomem/core';
import { adamW } from './adam-w.ts';
import type { Optimizer } from './optimizer.ts';
import { sgd } from './sgd.ts';

/** Optimizers by name; pass `{ ...optimizers, mine }` to `lookUp` to add one. */
export const optimizers = { sgd, 'adam-w': adamW } as const;

export type OptimizerName = keyof typeof optimizers;

/** The options of the optimizer of that name. */
export type OptimizerOptions<Name extends OptimizerName> = OptionsOf<(typeof optimizers)[Name]['options']>;

/**
 * Makes an optimizer by its name.
 *
 * @param options of that optimizer; its defaults otherwise.
 * @throws ProtomemError for an unknown name or option, which it answers with the known ones.
 * @example
 * ```ts
 * const optimizer = createOptimizer('adam-w', { weightDecay: 0.05 });
 * ```
 */
export function createOptimizer<Name extends OptimizerName>(name: Name, options?: OptimizerOptions<Name>): Optimizer {
  return lookUp('createOptimizer', 'name', optimizers, name)(options as never);
}
