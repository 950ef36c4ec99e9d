import * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';

const gradient = registeredKernel('relu6Grad');

/**
 * `min(max(x, 0), 6)`. Does what `tf.relu6` does, whose gradient takes nine passes over memory where this one takes one, and
 * keeps `y`, not `x`. At 0 and at 6 the gradient is 0, as in PyTorch (`tf.relu6` has 1 at 6).
 *
 * @param x float32 of any shape
 * @returns a tensor of `x`'s shape; the caller's
 *
 * @example
 * ```ts
 * relu6(tf.tensor1d([-1, 2, 7])); // [0, 2, 6]
 * ```
 */
export function relu6<T extends tf.Tensor>(x: T): T {
  return clipped(x) as T;
}

const clipped = tf.customGrad((x, save) => {
  const value = tf.relu6(x as tf.Tensor);
  (save as tf.GradSaveFunc)([value]);
  return { value, gradFunc: (dy: tf.Tensor, [y]: tf.Tensor[]) => gradient({ dy, y: y! }, {}) };
});
