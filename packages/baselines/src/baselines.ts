import { lookUp } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import { batchOnly } from './batch-only.ts';
import { dcq } from './dcq.ts';
import { dynamicClassPool } from './dynamic-class-pool.ts';
import { fullSoftmax } from './full-softmax.ts';
import { partialFc } from './partial-fc.ts';
import { semiSiamese } from './semi-siamese.ts';

/** The heads by name: the one that each reports as its own. */
export const baselines = {
  'full-softmax': fullSoftmax,
  'partial-fc': partialFc,
  dcq,
  'dynamic-class-pool': dynamicClassPool,
  'semi-siamese': semiSiamese,
  'batch-only': batchOnly,
} as const;

export type BaselineName = keyof typeof baselines;

/** The options of the head of that name. */
export type BaselineOptions<Name extends BaselineName> = Parameters<(typeof baselines)[Name]>[0];

/**
 * Makes a head by its name.
 *
 * @param name one of the names in {@link baselines}
 * @param options of that head
 * @throws ProtomemError for an unknown name, which it answers with the known ones
 *
 * @example
 * ```ts
 * const head = createBaseline('partial-fc', { identities: 500, dimension: 128, columns: 50, loss: cosFace() });
 * ```
 */
export function createBaseline<Name extends BaselineName>(
  name: Name,
  options: BaselineOptions<Name>,
): ReturnType<(typeof baselines)[Name]> {
  const make = lookUp<(options: never) => Head>('createBaseline', 'name', baselines, name);
  return make(options as never) as ReturnType<(typeof baselines)[Name]>;
}
