import { number } from '@protomem/core';
import { globalNorm as normOf } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/**
 * Euclidean norm of all gradients taken as one vector, √Σ g², float32.
 *
 * @param gradients by name; not disposed.
 * @returns a scalar, owned by the caller; 0 of none.
 */
export function globalNorm(gradients: tf.NamedTensorMap): tf.Scalar {
  return normOf(Object.values(gradients));
}

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does: their common
 * direction stays.
 *
 * @param gradients by name; not disposed.
 * @param norm their {@link globalNorm}, read back: the caller has looked at it already to see that it is finite.
 * @param maxNorm the longest step allowed, > 0.
 * @returns the scaled gradients, owned by the caller; `gradients` itself when none has to be scaled.
 * @example
 * ```ts
 * const [norm] = await globalNorm(gradients).data();
 * tf.tidy(() => optimizer.step(parameters, clipByGlobalNorm(gradients, norm, 5), 0.1));
 * ```
 * Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
 */
export function clipByGlobalNorm(gradients: tf.NamedTensorMap, norm: number, maxNorm: number): tf.NamedTensorMap {
  number('clipByGlobalNorm', 'maxNorm', maxNorm, Number.MIN_VALUE, Number.MAX_VALUE);
  const scale = maxNorm / (norm + 1e-6);
  if (scale >= 1) return gradients;
  return tf.tidy(() => {
    const factor = tf.scalar(scale);
    return Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, tf.mul(gradient, factor)]));
  });
}
