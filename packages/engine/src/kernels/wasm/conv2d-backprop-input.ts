import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { convGeometry } from './geometry.ts';
import { transposedConvolution } from './transposed-convolution.ts';

/** The stock kernel is a naive loop, some forty times slower than the convolutions that this is made of. */
export function conv2dBackpropInput({ dy, filter }: Inputs, attrs: tf.NamedAttrMap): tf.Tensor {
  const info = convGeometry('Conv2DBackpropInput', attrs.inputShape as number[], filter!.shape, attrs);
  return tf.tidy(() => {
    const swapped = tf.transpose(filter as tf.Tensor4D, [0, 1, 3, 2]);
    return transposedConvolution(dy as tf.Tensor4D, swapped, info, false);
  });
}
