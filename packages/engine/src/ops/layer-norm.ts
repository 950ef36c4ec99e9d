import * as tf from '@tensorflow/tfjs';
import { checkChannels } from './check-channels.ts';

/**
 * `(x - mean) / sqrt(variance + epsilon) * scale + offset`, mean and variance those of the last axis at each place. Keeps for
 * the gradient what it normalized and a number a place, not the steps between. Differentiable in the first three.
 *
 * @param x float32 of any rank >= 1, `[..., C]`
 * @param scale `[C]`, float32
 * @param offset `[C]`, float32
 * @param epsilon default 1e-5, PyTorch's
 * @returns a tensor of `x`'s shape; the caller's
 * @throws ProtomemError when `scale` or `offset` is not `[C]`
 *
 * @example
 * ```ts
 * layerNorm(tf.tensor2d([[1, 3], [5, 5]]), tf.tensor1d([1, 2]), tf.tensor1d([0, 1])); // [[-1, 3], [0, 1]], nearly
 * ```
 *
 * Source: Ba, Kiros and Hinton, "Layer Normalization", arXiv:1607.06450.
 */
export function layerNorm<T extends tf.Tensor>(x: T, scale: tf.Tensor1D, offset: tf.Tensor1D, epsilon = 1e-5): T {
  checkChannels('layerNorm', x, { scale, offset });
  const normalize = tf.customGrad((...inputs) => {
    const [image, gain, shift, save] = inputs as unknown as [tf.Tensor, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const { mean, variance } = tf.moments(image, -1, true);
    const factor = tf.rsqrt(tf.add(variance, epsilon));
    const unit = tf.mul(tf.sub(image, mean), factor);
    save([unit, factor, gain]);
    return {
      value: tf.add(tf.mul(unit, gain), shift),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [normal, slope, weight] = saved as [tf.Tensor, tf.Tensor, tf.Tensor1D];
        const rows = normal.shape.slice(0, -1).map((_, axis) => axis);
        const along = tf.mul(dy, normal);
        const dUnit = tf.mul(dy, weight);
        // What a change of all of a place's numbers together, or in proportion, would do: nothing.
        const flat = tf.sub(dUnit, tf.mean(dUnit, -1, true));
        const dx = tf.mul(tf.sub(flat, tf.mul(normal, tf.mean(tf.mul(along, weight), -1, true))), slope);
        return [dx, tf.sum(along, rows), tf.sum(dy, rows)];
      },
    };
  });
  return normalize(x, scale, offset) as T;
}
