import { option, part } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { putElements, sparseSoftmaxCrossEntropy, stopGradient, takeElements } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { above, arcMargin, column, shiftedCosine } from './angles.ts';
import { scale } from './shared-options.ts';
import { overPresent, withProperties } from './softmax-loss.ts';

/**
 * NPCFace: hard other classes, those with `c > cos(t_y + m0)`, count as `1.1 c + 0.2`, and the sample's own margin grows
 * with their mean: `m = m0 + 0.2 mean(c)`, its angle as in ArcFace. The margin carries no gradient.
 *
 * The mean is over all hard columns at once, so that this loss is not evaluated in blocks.
 *
 * Source: Zeng et al., "NPCFace: Negative-Positive Collaborative Training", 2020; constants of FaceX-Zoo. There, the
 * margin that tells which classes are hard is an option of its own (0.5); here it is m0. There, a sample beyond 90
 * degrees from its class has no margin; here it has ArcFace's.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = npcFace()(cosines, targets);
 * ```
 */
export const npcFace = part(
  'npcFace',
  {
    scale: scale(64),
    margin: option.number({
      help: 'Tells which other classes are hard; the margin of a sample that has none, radians.',
      min: 0,
      max: Math.PI,
      default: 0.4,
    }),
    growth: option.number({
      help: 'What the margin grows by with the mean cosine of the hard classes.',
      min: 0,
      max: 1,
      default: 0.2,
    }),
    weight: option.number({ help: "Factor of a hard class's cosine.", min: 0, max: 10, default: 1.1 }),
    shift: option.number({ help: "Addend of a hard class's cosine.", min: 0, max: 10, default: 0.2 }),
  },
  ({ scale, margin, growth, weight, shift }): CosineLoss & { readonly name: string } => {
    const loss: CosineLoss = (cosines, targets) =>
      overPresent('npcFace', cosines, targets, (at) => {
        const own = takeElements(cosines, at);
        const met = shiftedCosine(own, margin);
        const hard = putElements(above(cosines, column(met)) as tf.Tensor2D, at, tf.zeros([at.size]));
        const mean = tf.div(tf.sum(tf.mul(hard, stopGradient(cosines)), 1), tf.maximum(tf.sum(hard, 1), 1));
        const target = arcMargin(own, tf.add(tf.mul(mean, growth), margin) as tf.Tensor1D);
        const others = tf.add(cosines, tf.mul(hard, tf.add(tf.mul(cosines, weight - 1), shift))) as tf.Tensor2D;
        return sparseSoftmaxCrossEntropy(tf.mul(putElements(others, at, target), scale), at);
      });
    return withProperties(loss, { name: 'npc-face' });
  },
);
