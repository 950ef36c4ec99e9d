import * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';

const run = registeredKernel('globalNorm');

/**
 * Euclidean norm of tensors taken as one vector: the root of the sum of all squares. Not differentiable.
 *
 * @param tensors float32 of any shapes; stay the caller's
 * @returns a scalar, 0 of none; the caller's
 *
 * @example
 * ```ts
 * globalNorm([tf.tensor1d([3]), tf.tensor2d([[4]])]); // 5
 * ```
 */
export function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tensors.length > 0 ? run(Object.fromEntries(tensors.entries()), {}) : tf.scalar(0);
}
