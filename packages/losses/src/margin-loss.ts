import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { softmaxLoss, withProperties } from './softmax-loss.ts';

/**
 * A softmax loss that differs from the plain one only at each sample's own class: with `c` the cosines of a sample and
 * `y` its column, the logits are `scale * margin(c[y])` at `y` and `scale * c[j]` elsewhere, and
 * `loss = log(sum_j exp(logit_j)) - logit_y`.
 */
export interface MarginLoss extends SoftmaxLoss {
  /** What cosines are multiplied by before the softmax. */
  readonly scale: number;
  /**
   * What stands in for the cosine to a sample's own class.
   *
   * @param targetCosines `[B]`, float32; stays the caller's
   * @returns `[B]`, differentiable; the caller's
   */
  readonly margin: (targetCosines: tf.Tensor1D) => tf.Tensor1D;
}

/**
 * Makes a {@link MarginLoss} of its scale and margin.
 *
 * @param definition.name for logs and reports
 * @param definition.scale positive
 * @param definition.margin differentiable; left out, the target's cosine stays as it is
 *
 * @example
 * ```ts
 * const halved = marginLoss({ name: 'halved', scale: 30, margin: (c) => tf.mul(c, 0.5) });
 * ```
 */
export function marginLoss(definition: {
  readonly name: string;
  readonly scale: number;
  readonly margin?: (targetCosines: tf.Tensor1D) => tf.Tensor1D;
}): MarginLoss {
  const { name, scale, margin = (c: tf.Tensor1D) => tf.clone(c) } = definition;
  const loss = softmaxLoss({
    name,
    form: { target: (c) => ({ logit: tf.mul(margin(c), scale) }), negative: scale },
  });
  return withProperties(loss, { scale, margin });
}
