import * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import { checkChannels } from './check-channels.ts';
import { checkNotEmpty } from './check-not-empty.ts';

const run = registeredKernel('layerNorm');

/**
 * `(x - mean) / sqrt(variance + epsilon) * scale + offset`, mean and variance those of the last axis at each place. Keeps for
 * the gradient `x` and two numbers a place, not the steps between. Differentiable in the first three.
 *
 * @param x float32 of any rank >= 1, `[..., C]`
 * @param scale `[C]`, float32
 * @param offset `[C]`, float32
 * @param epsilon default 1e-5, PyTorch's
 * @returns a tensor of `x`'s shape; the caller's
 * @throws ProtomemError when `scale` or `offset` is not `[C]`, or `x` is empty
 *
 * @example
 * ```ts
 * layerNorm(tf.tensor2d([[1, 3], [5, 5]]), tf.tensor1d([1, 2]), tf.tensor1d([0, 1])); // [[-1, 3], [0, 1]], nearly
 * ```
 *
 * Source: Ba, Kiros and Hinton, "Layer Normalization", arXiv:1607.06450.
 */
export function layerNorm<T extends tf.Tensor>(x: T, scale: tf.Tensor1D, offset: tf.Tensor1D, epsilon = 1e-5): T {
  checkNotEmpty('layerNorm', 'x', x);
  checkChannels('layerNorm', x, { scale, offset });
  const [y, mean, factor] = run({ x, scale, offset }, { epsilon });
  tf.dispose([mean, factor]);
  return y as T;
}
