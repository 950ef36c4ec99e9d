import { check, type OptionsOf, option, readOptions } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { withProperties } from './softmax-loss.ts';

const options = {
  centers: option.integer({ help: 'Columns of each class, K.', min: 1, max: 1000, default: 3 }),
};

export type SubCenterOptions = OptionsOf<typeof options>;

/**
 * A loss over classes of K columns each: a class's cosine is the highest of its K, so that a noisy class may split.
 * Columns of a class lie side by side, `K y ... K y + K - 1`, and a target may be any of them.
 *
 * For classifiers that give a class K columns, as `fullSoftmax` of `@protomem/baselines` does with as many `centers`.
 * Prototype Memory and the other heads give it one, and refuse this loss, but for K = 1.
 *
 * Source: Deng et al., "Sub-center ArcFace", ECCV 2020; K = 3 as there. Dropping images beyond 75 degrees is the user's.
 * Around `arcFace` it is pytorch-metric-learning's SubCenterArcFaceLoss, but for columns exactly as near: there the
 * gradient is one column's, here they share it.
 *
 * @param loss on the cosines of classes
 * @throws ProtomemError when `centers` is no positive integer
 *
 * @example
 * ```ts
 * const perSample = subCenter(arcFace(), { centers: 3 })(cosines, targets); // cosines [B, 3 N]
 * ```
 */
export function subCenter(loss: CosineLoss, given: SubCenterOptions = {}): CosineLoss & { readonly name: string } {
  const { centers } = readOptions('subCenter', options, given);
  const pooled: CosineLoss = (cosines, targets, context) =>
    tf.tidy(() => {
      const [batch, columns] = cosines.shape;
      check(columns % centers === 0, () => ({
        where: 'subCenter',
        what: 'number of columns',
        got: columns,
        expected: `a multiple of ${centers}, the columns of a class`,
        fix: 'Give each class as many columns side by side, or leave subCenter out.',
      }));
      const byClass = tf.reshape(cosines, [batch, columns / centers, centers]);
      // tfjs gives the gradient of a maximum to all that are equal to it; here they share it.
      const highest = stopGradient(tf.cast(tf.equal(byClass, tf.max(byClass, 2, true)), 'float32'));
      const weights = tf.div(highest, tf.sum(highest, 2, true));
      const classes = tf.sum(tf.mul(byClass, weights), 2) as tf.Tensor2D;
      return loss(classes, tf.floorDiv(targets, tf.scalar(centers, 'int32')), context);
    });
  const state = loss.state?.bind(loss);
  const restore = loss.restore?.bind(loss);
  return withProperties(pooled, { name: 'subCenter', centers, ...(state && { state }), ...(restore && { restore }) });
}
