import { lookUp } from '@protomem/core';
import { arcFace } from './arc-face.ts';
import { cosFace } from './cos-face.ts';
import type { MarginLoss } from './margin-loss.ts';
import { normalizedSoftmax } from './normalized-softmax.ts';

/** The losses by name. */
export const losses = { normalizedSoftmax, cosFace, arcFace } as const;

export type LossName = keyof typeof losses;

/** The options of the loss of that name. */
export type LossOptions<Name extends LossName> = NonNullable<Parameters<(typeof losses)[Name]>[0]>;

/**
 * Makes a loss by its name.
 *
 * @param name one of the names in {@link losses}
 * @param options of that loss; its defaults otherwise
 * @throws ProtomemError for an unknown name, which it answers with the known ones
 *
 * @example
 * ```ts
 * const loss = createLoss('cosFace', { margin: 0.35 });
 * ```
 */
export function createLoss<Name extends LossName>(name: Name, options?: LossOptions<Name>): MarginLoss {
  const make = lookUp<(options?: LossOptions<Name>) => MarginLoss>('createLoss', 'name', losses, name);
  return make(options);
}
