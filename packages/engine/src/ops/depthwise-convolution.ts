import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import type { Sliding } from '../kernels/training-kernels.ts';
import { checkChannels } from './check-channels.ts';

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
 * @throws ProtomemError when the kernel has other channels, more than one for a channel, or is larger than the padded image
 *
 * @example
 * ```ts
 * depthwiseConvolution(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 1]), { padding: 1 }); // 4 in the corners, 9 inside
 * ```
 */
export function depthwiseConvolution(x: tf.Tensor4D, filter: tf.Tensor4D, options: Partial<Sliding> = {}): tf.Tensor4D {
  return plain({ x, filter }, checked('depthwiseConvolution', x, filter, options));
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
  return activated({ x, filter, shift, alpha }, checked('depthwisePrelu', x, filter, options));
}

function checked(
  where: string,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  { stride = 1, padding = 0 }: Partial<Sliding>,
): Sliding {
  check(x.rank === 4, () => ({
    where,
    what: 'shape of x',
    got: x.shape,
    expected: '[images, height, width, channels]',
  }));
  const [high, wide, channels, each] = filter.shape;
  const fits = filter.rank === 4 && high > 0 && wide > 0 && channels === x.shape[3] && each === 1;
  check(fits, () => ({
    where,
    what: 'shape of filter',
    got: filter.shape,
    expected: `[height, width, ${x.shape[3]}, 1], a kernel for each channel of x`,
  }));
  check(Number.isInteger(stride) && stride > 0, () => ({
    where,
    what: 'stride',
    got: stride,
    expected: 'an integer >= 1',
  }));
  const least = Math.max(high - x.shape[1], wide - x.shape[2], 0) / 2;
  const most = Math.min(high, wide) - 1;
  check(Number.isInteger(padding) && padding >= least && padding <= most, () => ({
    where,
    what: 'padding',
    got: padding,
    expected: `an integer in [${Math.ceil(least)}, ${most}], for kernels of ${high}x${wide} and images of ${x.shape[1]}x${x.shape[2]}`,
  }));
  return { stride, padding };
}
