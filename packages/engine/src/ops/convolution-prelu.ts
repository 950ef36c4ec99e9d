import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import type { Sliding } from '../kernels/training-kernels.ts';
import { checkChannels } from './check-channels.ts';
import { checkConvolution } from './check-convolution.ts';

const run = registeredKernel('convolutionPrelu');

/**
 * `prelu(conv2d(x, filter) + shift, alpha)`, with numbers for each output: at inference, where the engine has ops of our own for the
 * convolution, without a pass over memory for what follows it. Differentiable in all four; the gradient computes the
 * convolution again.
 *
 * @param x `[B, H, W, C]`, float32
 * @param filter `[h, w, C, outputs]`, float32
 * @param shift `[outputs]`, float32
 * @param alpha slopes of the negative side, `[outputs]`, float32; ones for no activation
 * @param options `stride`, default 1, and `padding`, default 0, as {@link depthwiseConvolution} has them
 * @returns `[B, floor((H + 2 padding - h) / stride) + 1, ..., outputs]`; the caller's
 * @throws ProtomemError when the filter is for other channels or larger than the padded image, or `shift` or `alpha` is not `[outputs]`, or `x` is empty
 *
 * @example
 * ```ts
 * convolutionPrelu(tf.ones([1, 1, 1, 2]), tf.tensor4d([1, 2], [1, 1, 2, 1]), tf.tensor1d([-5]), tf.tensor1d([0.25])); // -0.5
 * ```
 */
export function convolutionPrelu(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  shift: tf.Tensor1D,
  alpha: tf.Tensor1D,
  options: Partial<Sliding> = {},
): tf.Tensor4D {
  const where = 'convolutionPrelu';
  const sliding = checkConvolution(where, x, filter, undefined, options);
  checkChannels(where, filter, { shift, alpha });
  return run({ x, filter, shift, alpha }, sliding);
}
