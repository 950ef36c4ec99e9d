import { lookUp, type Options, type OptionsOf, type Part, part } from '@protomem/core';
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
import {
  asCosineLoss,
  contrastive,
  multiSimilarity,
  ntXent,
  type PairLoss,
  supervisedContrastive,
  triplet,
} from './pair-losses.ts';
import { sphereFace } from './sphere-face.ts';
import { uniFace } from './uni-face.ts';

/** A pair loss as a loss on columns, with the pair loss's options. */
function onColumns<O extends Options>(name: string, pairs: Part<O, PairLoss>): Part<O, NamedLoss> {
  return part(pairs.name, pairs.options, (settings) => asCosineLoss(name, pairs(settings as unknown as OptionsOf<O>)));
}

/** The losses by name; pair losses with the columns as references. */
export const losses = {
  'normalized-softmax': normalizedSoftmax,
  'cos-face': cosFace,
  'arc-face': arcFace,
  'combined-margin': combinedMargin,
  'sphere-face': sphereFace,
  'li-arc-face': liArcFace,
  circle,
  'd-softmax': dSoftmax,
  'mv-softmax': mvSoftmax,
  'curricular-face': curricularFace,
  'arc-neg-face': arcNegFace,
  'npc-face': npcFace,
  'uni-face': uniFace,
  'ada-face': adaFace,
  'mag-face': magFace,
  'elastic-arc-face': elasticArcFace,
  'elastic-cos-face': elasticCosFace,
  contrastive: onColumns('contrastive', contrastive),
  triplet: onColumns('triplet', triplet),
  'multi-similarity': onColumns('multi-similarity', multiSimilarity),
  'nt-xent': onColumns('nt-xent', ntXent),
  'supervised-contrastive': onColumns('supervised-contrastive', supervisedContrastive),
} as const;

export type LossName = keyof typeof losses;

/** The options of the loss of that name. */
export type LossOptions<Name extends LossName> = NonNullable<Parameters<(typeof losses)[Name]>[0]>;

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
 * const loss = createLoss('cos-face', { margin: 0.35 });
 * ```
 */
export function createLoss<Name extends LossName>(
  name: Name,
  options?: LossOptions<Name>,
): ReturnType<(typeof losses)[Name]> {
  const make = lookUp<(options?: never) => NamedLoss>('createLoss', 'name', losses, name);
  return make(options as never) as ReturnType<(typeof losses)[Name]>;
}
