import { check, lookUp } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { adaFace } from './ada-face.ts';
import { arcFace } from './arc-face.ts';
import { arcNegFace } from './arc-neg-face.ts';
import { circle } from './circle.ts';
import { combinedMargin } from './combined-margin.ts';
import { cosFace } from './cos-face.ts';
import { curricularFace } from './curricular-face.ts';
import { dSoftmax } from './d-softmax.ts';
import { elasticArcFace, elasticCosFace } from './elastic-face.ts';
import { liArcFace } from './li-arc-face.ts';
import { magFace } from './mag-face.ts';
import { mvSoftmax } from './mv-softmax.ts';
import { normalizedSoftmax } from './normalized-softmax.ts';
import { npcFace } from './npc-face.ts';
import { asCosineLoss, pairLosses } from './pair-losses.ts';
import { sphereFace } from './sphere-face.ts';
import { uniFace } from './uni-face.ts';

const { contrastive, triplet, multiSimilarity, ntXent, supervisedContrastive } = pairLosses;

/** The losses by name; pair losses with the columns as references. */
export const losses = {
  normalizedSoftmax,
  cosFace,
  arcFace,
  combinedMargin,
  sphereFace,
  liArcFace,
  circle,
  dSoftmax,
  mvSoftmax,
  curricularFace,
  arcNegFace,
  npcFace,
  uniFace,
  adaFace,
  magFace,
  elasticArcFace,
  elasticCosFace,
  contrastive: (options?: Parameters<typeof contrastive>[0]) => asCosineLoss('contrastive', contrastive(options)),
  triplet: (options?: Parameters<typeof triplet>[0]) => asCosineLoss('triplet', triplet(options)),
  multiSimilarity: (options?: Parameters<typeof multiSimilarity>[0]) =>
    asCosineLoss('multiSimilarity', multiSimilarity(options)),
  ntXent: (options?: Parameters<typeof ntXent>[0]) => asCosineLoss('ntXent', ntXent(options)),
  supervisedContrastive: (options?: Parameters<typeof supervisedContrastive>[0]) =>
    asCosineLoss('supervisedContrastive', supervisedContrastive(options)),
} as const;

export type LossName = keyof typeof losses;

/** The options of the loss of that name. */
export type LossOptions<Name extends LossName> = NonNullable<Parameters<(typeof losses)[Name]>[0]>;

/** The names of the options of each loss, for programs that are given options as data. */
export const lossOptionNames: { readonly [Name in LossName]: readonly (keyof LossOptions<Name>)[] } = {
  normalizedSoftmax: ['scale'],
  cosFace: ['scale', 'margin'],
  arcFace: ['scale', 'margin', 'easyMargin'],
  combinedMargin: ['scale', 'm1', 'm2', 'm3'],
  sphereFace: ['scale', 'margin'],
  liArcFace: ['scale', 'margin'],
  circle: ['scale', 'margin'],
  dSoftmax: ['scale', 'goal'],
  mvSoftmax: ['scale', 'margin', 'kind', 'weight'],
  curricularFace: ['scale', 'margin', 'momentum'],
  arcNegFace: ['scale', 'margin', 'weight', 'width'],
  npcFace: ['scale', 'margin', 'growth', 'weight', 'shift'],
  uniFace: ['scale', 'margin', 'weight', 'bias'],
  adaFace: ['scale', 'margin', 'concentration', 'momentum'],
  magFace: ['scale', 'lengths', 'margins', 'regularizer'],
  elasticArcFace: ['scale', 'margin', 'deviation', 'seed'],
  elasticCosFace: ['scale', 'margin', 'deviation', 'seed'],
  contrastive: ['positiveMargin', 'negativeMargin'],
  triplet: ['margin'],
  multiSimilarity: ['alpha', 'beta', 'base'],
  ntXent: ['temperature'],
  supervisedContrastive: ['temperature'],
};

/** A loss of the registry: it says what it is called. */
export type NamedLoss = CosineLoss & { readonly name: string };

/**
 * Makes a loss by its name.
 *
 * @param name one of the names in {@link losses}
 * @param options of that loss; its defaults otherwise
 * @throws ProtomemError for an unknown name or option, which it answers with the known ones
 *
 * @example
 * ```ts
 * const loss = createLoss('cosFace', { margin: 0.35 });
 * ```
 */
export function createLoss<Name extends LossName>(
  name: Name,
  options?: LossOptions<Name>,
): ReturnType<(typeof losses)[Name]> {
  const make = lookUp<(options?: never) => NamedLoss>('createLoss', 'name', losses, name);
  const known: readonly PropertyKey[] = lossOptionNames[name];
  for (const key of Object.keys(options ?? {})) {
    check(known.includes(key), () => ({
      where: `createLoss: ${name}`,
      what: 'an option',
      got: key,
      expected: `one of ${known.join(', ')}`,
    }));
  }
  return make(options as never) as ReturnType<(typeof losses)[Name]>;
}
