import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import type { Sliding } from '../kernels/training-kernels.ts';
import { checkChannels } from './check-channels.ts';
import { checkConvolution } from './check-convolution.ts';

const plain = registeredKernel('depthwise');
const activated = registeredKernel('depthwisePrelu');

/**
 * A convolution of each channel with a kernel of its own. Both gradients come of one pass over `x` and the gradient, and nothing but
 * `x` is kept for them. Differentiable in both.
 *
 * @param x `[B, H, W, C]`, float32
 * @param filter `[h, w, C, 1]`, float32
 * @param options `stride`: pixels from one result to the next, default 1. `padding`: zeros on every side of an image, less than
 *   the kernel has rows and columns, default 0.
 * @returns `[B, floor((H + 2 padding - h) / stride) + 1, ..., C]`; the caller's
 * @throws ProtomemError when the kernel has other channels, more than one for a channel, or is larger than the padded image, or `x` is empty
 *
 * @example
 * ```ts
 * depthwiseConvolution(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 1]), { padding: 1 }); // 4 in the corners, 9 inside
 * ```
 */
export function depthwiseConvolution(x: tf.Tensor4D, filter: tf.Tensor4D, options: Partial<Sliding> = {}): tf.Tensor4D {
  return plain({ x, filter }, checkConvolution('depthwiseConvolution', x, filter, 1, options));
}

/**
 * `prelu(depthwiseConvolution(x, filter) + shift, alpha)`, with numbers for each channel: at inference, without a pass over memory for
 * what follows the convolution. Differentiable in all four; the gradient computes the convolution again.
 *
 * @param shift `[C]`, float32
 * @param alpha slopes of the negative side, `[C]`, float32; ones for no activation
 * @throws ProtomemError as {@link depthwiseConvolution} does, and when one of the two is not `[C]`
 *
 * @example
 * ```ts
 * depthwisePrelu(tf.ones([1, 3, 3, 1]), tf.ones([3, 3, 1, 1]), tf.tensor1d([-19]), tf.tensor1d([0.5])); // -5
 * ```
 */
export function depthwisePrelu(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  shift: tf.Tensor1D,
  alpha: tf.Tensor1D,
  options: Partial<Sliding> = {},
): tf.Tensor4D {
  checkChannels('depthwisePrelu', x, { shift, alpha });
  return activated({ x, filter, shift, alpha }, checkConvolution('depthwisePrelu', x, filter, 1, options));
}
