import type { EncoderCard } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';

/** Images as a network takes them: `(x - mean) / std`, float32; the surrounding tidy's. */
export function normalizePixels(
  images: tf.Tensor4D,
  { normalization }: Pick<EncoderCard, 'normalization'>,
): tf.Tensor4D {
  return tf.mul(tf.sub(tf.cast(images, 'float32'), normalization.mean), 1 / normalization.std);
}
