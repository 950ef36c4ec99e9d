import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { convGeometry } from './geometry.ts';
import { transposedConvolution } from './transposed-convolution.ts';

/** Gradient of a depthwise convolution for its input; a channel's several outputs are summed at the end. */
export function depthwiseBackpropInput({ dy, filter }: Inputs, attrs: tf.NamedAttrMap): tf.Tensor {
  const info = convGeometry(
    'DepthwiseConv2dNativeBackpropInput',
    attrs.inputShape as number[],
    filter!.shape,
    attrs,
    true,
  );
  const { filterHeight, filterWidth, outChannels, inChannels, inShape } = info;
  return tf.tidy(() => {
    const each = tf.reshape(filter!, [filterHeight, filterWidth, outChannels, 1]) as tf.Tensor4D;
    const dx = transposedConvolution(dy as tf.Tensor4D, each, { ...info, inChannels: outChannels }, true);
    return outChannels === inChannels ? dx : tf.sum(tf.reshape(dx, [...inShape, outChannels / inChannels]), 4);
  });
}
