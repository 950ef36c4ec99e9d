import { number } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { putElements, sparseSoftmaxCrossEntropy, stopGradient, takeElements } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { above, arcMargin, column, sineOf } from './angles.ts';
import { overPresent, withProperties } from './softmax-loss.ts';

export interface NpcFaceOptions {
  /** What cosines are multiplied by. Default 64. */
  readonly scale?: number;
  /** Margin that tells which other classes are hard, and margin of a sample that has none, radians. Default 0.4. */
  readonly margin?: number;
  /** What the margin grows by with the mean cosine of the hard classes. Default 0.2. */
  readonly growth?: number;
  /** Factor and addend of a hard class's cosine. Default 1.1 and 0.2. */
  readonly weight?: number;
  readonly shift?: number;
}

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
export function npcFace(options: NpcFaceOptions = {}): CosineLoss & { readonly name: string } {
  const { scale = 64, margin = 0.4, growth = 0.2, weight = 1.1, shift = 0.2 } = options;
  number('npcFace', 'scale', scale, 1e-6, 1e6);
  number('npcFace', 'margin', margin, 0, Math.PI);
  number('npcFace', 'growth', growth, 0, 1);
  number('npcFace', 'weight', weight, 0, 10);
  number('npcFace', 'shift', shift, 0, 10);
  const loss: CosineLoss = (cosines, targets) =>
    overPresent('npcFace', cosines, targets, (at) => {
      const own = takeElements(cosines, at);
      const met = tf.sub(tf.mul(own, Math.cos(margin)), tf.mul(sineOf(own), Math.sin(margin)));
      const hard = putElements(above(cosines, column(met)) as tf.Tensor2D, at, tf.zeros([at.size]));
      const mean = tf.div(tf.sum(tf.mul(hard, stopGradient(cosines)), 1), tf.maximum(tf.sum(hard, 1), 1));
      const target = arcMargin(own, tf.add(tf.mul(mean, growth), margin) as tf.Tensor1D);
      const others = tf.add(cosines, tf.mul(hard, tf.add(tf.mul(cosines, weight - 1), shift))) as tf.Tensor2D;
      return sparseSoftmaxCrossEntropy(tf.mul(putElements(others, at, target), scale), at);
    });
  return withProperties(loss, { name: 'npcFace' });
}
