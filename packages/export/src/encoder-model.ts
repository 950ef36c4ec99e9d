import type { DefinedEncoder } from '@protomem/encoders';
import * as tf from '@tensorflow/tfjs';
import type { Compared } from './check-export.ts';

/**
 * An encoder in use as a model to compare with.
 *
 * @param by what runs it
 */
export function encoderModel(encoder: DefinedEncoder, by = 'protomem'): Compared {
  const { inputSize, embeddingSize } = encoder.card;
  return {
    ...{ kind: by, inputSize, embeddingSize },
    async embed(pixels, count, flip) {
      const result = tf.tidy(() => {
        const images = tf.tensor4d(pixels, [count, ...inputSize, 3], 'float32');
        const straight = encoder.apply(images);
        return flip ? tf.add(straight, encoder.apply(tf.reverse(images, 2))) : straight;
      });
      const data = await result.data<'float32'>();
      result.dispose();
      return data;
    },
  };
}
