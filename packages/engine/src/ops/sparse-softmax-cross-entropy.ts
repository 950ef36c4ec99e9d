import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';

const run = registeredKernel('sparseSoftmaxCrossEntropy');

/**
 * Softmax cross-entropy with one target column per row, without a one-hot matrix:
 * `loss[b] = log(sum_m exp(logits[b, m])) - logits[b, targets[b]]`. Differentiable in `logits`.
 *
 * The gradient `softmax(logits) - onehot(targets)` is computed together with the loss, so the op holds one matrix of
 * the size of `logits` until the backward pass.
 *
 * @param logits `[B, M]`, float32
 * @param targets `[B]`, int32, each in `[0, M)`
 * @returns loss of each row, `[B]`; the caller's
 * @throws ProtomemError on other shapes or types, or a target outside `[0, M)` (on a GPU such a row's loss is NaN instead)
 *
 * @example
 * ```ts
 * const loss = tf.mean(sparseSoftmaxCrossEntropy(tf.matMul(embeddings, prototypes, false, true), columns));
 * ```
 */
export function sparseSoftmaxCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor1D {
  const where = 'sparseSoftmaxCrossEntropy';
  check(logits.rank === 2 && logits.size > 0, () => ({
    where,
    what: 'shape of logits',
    got: logits.shape,
    expected: '[B, M] with B and M of at least 1',
  }));
  check(targets.dtype === 'int32' && targets.rank === 1 && targets.size === logits.shape[0], () => ({
    where,
    what: 'targets',
    got: `${targets.dtype} ${JSON.stringify(targets.shape)}`,
    expected: `int32 [${logits.shape[0]}], a column for each row of logits`,
  }));
  const [loss, dLogits] = run({ logits, targets }, {});
  dLogits.dispose();
  return loss;
}
