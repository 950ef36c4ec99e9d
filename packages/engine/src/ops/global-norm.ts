import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';

const run = registeredKernel('globalNorm');

/**
 * Euclidean norm of tensors taken as one vector: the root of the sum of all squares. Not differentiable.
 *
 * @param tensors at least one, float32 of any shapes; stay the caller's
 * @returns a scalar; the caller's
 *
 * @example
 * ```ts
 * globalNorm([tf.tensor1d([3]), tf.tensor2d([[4]])]); // 5
 * ```
 */
export function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  return run(Object.fromEntries(tensors.entries()), {});
}
