import * as tf from '@tensorflow/tfjs';
import type { Overrides } from '../../kernels/registry.ts';
import { convGeometry, geometryOf, type Sizes, sizesOf } from './geometry.ts';
import { type Loops, loopsOf, shares } from './loops.ts';

type Info = tf.backend_util.Conv2DInfo;

/** Depthwise convolutions and their gradients, where the loops are told of one result a channel. */
export const depthwiseConvolutions: Overrides = {
  DepthwiseConv2dNative({ x, filter }, attrs, backend) {
    const info = convGeometry('DepthwiseConv2dNative', x!.shape, filter!.shape, attrs, true);
    const loops = loopsOf(backend);
    return tf.tidy(() => convolve(loops, repeated(x!, info), filter!, sizesOf(info), false));
  },
  DepthwiseConv2dNativeBackpropInput({ dy, filter }, attrs, backend) {
    const shape = attrs.inputShape as number[];
    const info = convGeometry('DepthwiseConv2dNativeBackpropInput', shape, filter!.shape, attrs, true);
    const loops = loopsOf(backend);
    return tf.tidy(() => {
      const sizes = sizesOf(info);
      const dx = convolve(loops, dy!, filter!, { ...sizes, image: sizes.out, out: sizes.image }, true);
      const several = info.outChannels / info.inChannels;
      return several === 1 ? dx : tf.sum(tf.reshape(dx, [...info.inShape, several]), 4);
    });
  },
  DepthwiseConv2dNativeBackpropFilter({ x, dy }, attrs, backend) {
    const shape = attrs.filterShape as number[];
    const info = convGeometry('DepthwiseConv2dNativeBackpropFilter', x!.shape, shape, attrs, true);
    const loops = loopsOf(backend);
    return tf.tidy(() => filterGradient(loops, repeated(x!, info), dy!, sizesOf(info), shape));
  },
};

/** Each channel of an image as often as it has results. */
function repeated(x: tf.Tensor, { inChannels, outChannels, inShape }: Info): tf.Tensor {
  if (inChannels === outChannels) return x;
  const several = outChannels / inChannels;
  return tf.reshape(tf.tile(tf.reshape(x, [-1, 1]), [1, several]), [...inShape.slice(0, 3), outChannels]);
}

/** With `back` from the gradient to the result to that to the image. */
function convolve(loops: Loops, x: tf.Tensor, filter: tf.Tensor, sizes: Sizes, back: boolean): tf.Tensor {
  const { images, out } = sizes;
  const channels = x.shape[3]!;
  const y = loops.uninitialized([images, out[0], out[1], channels]);
  const geometry = geometryOf({ ...sizes, out: [out[0], out[1], channels] });
  const pointers = [x, filter, y, geometry].map(loops.at);
  const cost = out[1] * channels * sizes.filter[0] * sizes.filter[1];
  loops.run(
    'depthwise',
    shares(loops, images * out[0], { cost }).map((job) => [...pointers, Number(back), ...job]),
  );
  return y;
}

function filterGradient(loops: Loops, x: tf.Tensor, dy: tf.Tensor, sizes: Sizes, shape: number[]): tf.Tensor {
  const dFilter = tf.zeros(shape);
  const channels = sizes.out[2];
  const pointers = [x, dy, dFilter, geometryOf(sizes)].map(loops.at);
  const cost = (dy.size / channels) * shape[0]! * shape[1]!;
  loops.run(
    'depthwiseFilterGradient',
    // A cache line of each row at least.
    shares(loops, channels, { multiple: 16, cost }).map((job) => [...pointers, ...job]),
  );
  return dFilter;
}
