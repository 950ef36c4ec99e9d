import type * as tf from '@tensorflow/tfjs';
import { globalNormName } from './names.ts';
import { runTrainingKernel } from './register.ts';

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
  return runTrainingKernel(globalNormName, { ...tensors } as unknown as Record<string, tf.Tensor>)[0] as tf.Scalar;
}
