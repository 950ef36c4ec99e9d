import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import { checkChannels } from './check-channels.ts';
import { checkNotEmpty } from './check-not-empty.ts';

const plain = registeredKernel('scaleShift');
const activated = registeredKernel('scaleShiftPrelu');

/**
 * `prelu(x * factor + shift, alpha)` with numbers for each channel (last axis): a batch norm with running statistics, or
 * the bias of a convolution, together with the activation behind it. Differentiable in all four.
 *
 * @param x float32 of any rank >= 1, `[..., C]`
 * @param factor `[C]`, float32
 * @param shift `[C]`, float32
 * @param alpha slopes of the negative side, `[C]`, float32
 * @returns a tensor of `x`'s shape; the caller's
 * @throws ProtomemError when one of the three is not `[C]`, or `x` is empty
 *
 * @example
 * ```ts
 * scaleShiftPrelu(tf.tensor2d([[-2, 4]]), tf.tensor1d([1, 2]), tf.tensor1d([1, 1]), tf.tensor1d([0.25, 0.25])); // [[-0.25, 9]]
 * ```
 */
export function scaleShiftPrelu<T extends tf.Tensor>(
  x: T,
  factor: tf.Tensor1D,
  shift: tf.Tensor1D,
  alpha: tf.Tensor1D,
): T {
  checkNotEmpty('scaleShiftPrelu', 'x', x);
  checkChannels('scaleShiftPrelu', x, { factor, shift, alpha });
  return activated({ x, factor, shift, alpha }, {}) as T;
}

/**
 * `x * factor + shift` with numbers for each channel, as {@link scaleShiftPrelu} and without its activation.
 *
 * @example
 * ```ts
 * scaleShift(tf.tensor2d([[-2, 4]]), tf.tensor1d([1, 2]), tf.tensor1d([1, 1])); // [[-1, 9]]
 * ```
 */
export function scaleShift<T extends tf.Tensor>(x: T, factor: tf.Tensor1D, shift: tf.Tensor1D): T {
  checkNotEmpty('scaleShift', 'x', x);
  checkChannels('scaleShift', x, { factor, shift });
  return plain({ x, factor, shift }, {}) as T;
}
