import { check } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { putElements, sparseSoftmaxCrossEntropy, takeElements } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/**
 * A softmax loss that differs from the plain one only at each sample's own class: with `c` the cosines of a sample and
 * `y` its column, the logits are `scale * margin(c[y])` at `y` and `scale * c[j]` elsewhere, and
 * `loss = log(sum_j exp(logit_j)) - logit_y`.
 *
 * It is called like any {@link CosineLoss}; what it carries besides is enough to evaluate it block by block.
 */
export interface MarginLoss extends CosineLoss {
  readonly name: string;
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
  const { name, scale, margin } = definition;
  const loss: CosineLoss = (cosines, targets) =>
    tf.tidy(() => {
      checkShapes(name, cosines, targets);
      const changed = margin ? putElements(cosines, targets, margin(takeElements(cosines, targets))) : cosines;
      return sparseSoftmaxCrossEntropy(tf.mul(changed, scale), targets);
    });
  // A function's own `name` cannot be assigned, only defined.
  return Object.defineProperties(loss, {
    name: { value: name, enumerable: true },
    scale: { value: scale, enumerable: true },
    margin: { value: margin ?? ((c: tf.Tensor1D) => tf.clone(c)), enumerable: true },
  }) as MarginLoss;
}

function checkShapes(where: string, cosines: tf.Tensor2D, targets: tf.Tensor1D): void {
  check(cosines.rank === 2, () => ({ where, what: 'shape of cosines', got: cosines.shape, expected: '[B, M]' }));
  check(targets.rank === 1 && targets.shape[0] === cosines.shape[0], () => ({
    where,
    what: 'shape of targets',
    got: targets.shape,
    expected: `[${cosines.shape[0]}], one column for each row of cosines`,
  }));
  check(targets.dtype === 'int32', () => ({ where, what: 'dtype of targets', got: targets.dtype, expected: 'int32' }));
}
