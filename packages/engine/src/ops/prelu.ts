import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import { checkChannels } from './check-channels.ts';
import { checkNotEmpty } from './check-not-empty.ts';

const run = registeredKernel('prelu');

/**
 * Parametric rectifier: `y = x` where `x > 0`, else `alpha * x`, with a slope for each channel (last axis).
 * Differentiable in both; at `x = 0` the gradient is that of the negative side, as in PyTorch.
 *
 * Does what `tf.prelu` does, with about a third of its passes over memory and a gradient of its own.
 *
 * @param x float32 of any rank >= 1, `[..., C]`
 * @param alpha slopes of the negative side, `[C]`, float32
 * @returns a tensor of `x`'s shape; the caller's
 * @throws ProtomemError when `alpha` is not `[C]`, or `x` is empty
 *
 * @example
 * ```ts
 * prelu(tf.tensor2d([[-2, 4]]), tf.tensor1d([0.25, 0.25])); // [[-0.5, 4]]
 * ```
 *
 * Source: K. He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.1.
 */
export function prelu<T extends tf.Tensor>(x: T, alpha: tf.Tensor1D): T {
  checkNotEmpty('prelu', 'x', x);
  checkChannels('prelu', x, { alpha });
  return run({ x, alpha }, {}) as T;
}
