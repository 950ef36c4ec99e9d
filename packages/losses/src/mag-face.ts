import { number } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { arcMargin } from './angles.ts';
import { needNorms } from './need-norms.ts';
import { softmaxLoss } from './softmax-loss.ts';

export interface MagFaceOptions {
  /** What cosines are multiplied by. Default 64. */
  readonly scale?: number;
  /** l_a and u_a, between which lengths are held. Default [10, 110]. */
  readonly lengths?: readonly [number, number];
  /** l_m and u_m, the margins at those lengths, radians. Default [0.45, 0.8]. */
  readonly margins?: readonly [number, number];
  /** lambda, weight of the term that draws lengths to u_a. Default 20. */
  readonly regularizer?: number;
}

/**
 * MagFace: ArcFace with a margin that grows with the embedding's length `a`, held in [l_a, u_a]:
 * `m(a) = l_m + (u_m - l_m) (a - l_a) / (u_a - l_a)`; and a term `lambda (a / u_a² + 1 / a)` that rewards length. Both
 * have a gradient to the length, within those bounds.
 *
 * Needs the lengths of the embeddings, which every head tells.
 *
 * Source: Meng et al., "MagFace", CVPR 2021, equations 3 to 5; constants of FaceX-Zoo, its scale as in its configuration
 * (the class's own default is 32). Beyond 90 degrees from its class a sample has no margin in the authors' code; nor has
 * it in FaceX-Zoo's beyond `pi - m(a)`; here it has ArcFace's, whose gradient to the length does not end.
 *
 * @throws ProtomemError when an option is out of its range, or a call has no context
 *
 * @example
 * ```ts
 * const perSample = magFace()(cosines, targets, { norms }); // norms [B]
 * ```
 */
export function magFace(options: MagFaceOptions = {}): SoftmaxLoss {
  const { scale = 64, lengths = [10, 110], margins = [0.45, 0.8], regularizer = 20 } = options;
  const where = 'magFace';
  number(where, 'scale', scale, 1e-6, 1e6);
  const low = number(where, 'lengths[0]', lengths[0], 1e-3, 1e6);
  const high = number(where, 'lengths[1]', lengths[1], low * (1 + 1e-6), 1e6);
  number(where, 'margins[0]', margins[0], 0, Math.PI);
  number(where, 'margins[1]', margins[1], margins[0], Math.PI);
  number(where, 'regularizer', regularizer, 0, 1e6);
  const slope = (margins[1] - margins[0]) / (high - low);
  return softmaxLoss({
    name: where,
    form: {
      target: (c, context) => {
        const a = tf.clipByValue(needNorms(where, context), low, high);
        const margin: tf.Tensor1D = tf.add(tf.mul(tf.sub(a, low), slope), margins[0]);
        const pull: tf.Tensor1D = tf.mul(tf.add(tf.div(a, high ** 2), tf.reciprocal(a)), regularizer);
        return { logit: tf.mul(arcMargin(c, margin), scale), values: [pull] };
      },
      negative: scale,
      combine: ({ logit, values }, negatives) => tf.add(tf.softplus(tf.sub(negatives, logit)), values![0]!),
    },
  });
}
