import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import { checkChannels } from './check-channels.ts';

const run = registeredKernel('pointwisePrelu');

/**
 * `prelu(conv2d(x, filter) + shift, alpha)` of a 1x1 convolution, with numbers for each of its outputs: at inference, without a
 * pass over memory for what follows the convolution. Differentiable in all four; the gradient computes the convolution again.
 *
 * @param x `[B, H, W, C]`, float32
 * @param filter `[1, 1, C, outputs]`, float32
 * @param shift `[outputs]`, float32
 * @param alpha slopes of the negative side, `[outputs]`, float32; ones for no activation
 * @returns `[B, H, W, outputs]`; the caller's
 * @throws ProtomemError when the filter is for other channels or not 1x1, or `shift` or `alpha` is not `[outputs]`
 *
 * @example
 * ```ts
 * pointwisePrelu(tf.ones([1, 1, 1, 2]), tf.tensor4d([1, 2], [1, 1, 2, 1]), tf.tensor1d([-5]), tf.tensor1d([0.25])); // -0.5
 * ```
 */
export function pointwisePrelu(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  shift: tf.Tensor1D,
  alpha: tf.Tensor1D,
): tf.Tensor4D {
  const where = 'pointwisePrelu';
  check(x.rank === 4, () => ({
    where,
    what: 'shape of x',
    got: x.shape,
    expected: '[images, height, width, channels]',
  }));
  const [high, wide, channels] = filter.shape;
  check(filter.rank === 4 && high === 1 && wide === 1 && channels === x.shape[3], () => ({
    where,
    what: 'shape of filter',
    got: filter.shape,
    expected: `[1, 1, ${x.shape[3]}, outputs]`,
  }));
  checkChannels(where, filter, { shift, alpha });
  return run({ x, filter, shift, alpha }, {});
}
