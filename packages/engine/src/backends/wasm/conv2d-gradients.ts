import * as tf from '@tensorflow/tfjs';
import { every } from '../every-pixel.ts';
import { convGeometry, convolve } from './geometry.ts';
import { transposedConvolution } from './transposed-convolution.ts';

/** tfjs's kernel is a naive loop, some forty times slower than the convolutions that this is made of. */
export function conv2dBackpropInput({ dy, filter }: tf.NamedTensorMap, attrs: tf.NamedAttrMap): tf.Tensor {
  const info = convGeometry('Conv2DBackpropInput', attrs.inputShape as number[], filter!.shape, attrs);
  return tf.tidy(() => {
    const swapped = tf.transpose(filter as tf.Tensor4D, [0, 1, 3, 2]);
    return transposedConvolution(dy as tf.Tensor4D, swapped, info, false);
  });
}

/**
 * Gradient of a convolution for its filter, as one convolution: batch and channels of the image change places, and `dy`
 * is the filter, its taps as far apart as the stride was.
 */
export function conv2dBackpropFilter({ x, dy }: tf.NamedTensorMap, attrs: tf.NamedAttrMap): tf.Tensor {
  const filterShape = attrs.filterShape as [number, number, number, number];
  const info = convGeometry('Conv2DBackpropFilter', x!.shape, filterShape, attrs);
  const { filterHeight, filterWidth, strideHeight, strideWidth, inHeight, inWidth, outHeight, outWidth } = info;
  const { top, bottom, left, right } = info.padInfo;
  return tf.tidy(() => {
    if (filterHeight * filterWidth === 1 && top + bottom + left + right === 0) {
      const pixels = tf.reshape(every(x as tf.Tensor4D, [strideHeight, strideWidth]), [-1, info.inChannels]);
      return tf.reshape(tf.matMul(pixels, tf.reshape(dy!, [-1, info.outChannels]), true), filterShape);
    }
    const dFilter = convolve(
      tf.transpose(x as tf.Tensor4D, [3, 1, 2, 0]),
      tf.transpose(dy as tf.Tensor4D, [1, 2, 0, 3]),
      {
        rows: { before: top, after: filterHeight + (outHeight - 1) * strideHeight - inHeight - top },
        columns: { before: left, after: filterWidth + (outWidth - 1) * strideWidth - inWidth - left },
        dilations: [strideHeight, strideWidth],
        depthwise: false,
      },
    );
    return tf.transpose(dFilter, [1, 2, 0, 3]);
  });
}
