import * as tf from '@tensorflow/tfjs';
import type { Overrides } from '../../kernels/registry.ts';
import { convGeometry } from './geometry.ts';
import { type Loops, loopsOf, shares } from './loops.ts';

type Info = tf.backend_util.Conv2DInfo;

/** Depthwise convolutions and their gradients, where the loops are told of one result a channel. */
export const depthwiseConvolutions: Overrides = {
  DepthwiseConv2dNative({ x, filter }, attrs, backend) {
    const info = convGeometry('DepthwiseConv2dNative', x!.shape, filter!.shape, attrs, true);
    const loops = loopsOf(backend);
    return tf.tidy(() => convolve(loops, repeated(x!, info), filter!, info, false));
  },
  DepthwiseConv2dNativeBackpropInput({ dy, filter }, attrs, backend) {
    const shape = attrs.inputShape as number[];
    const info = convGeometry('DepthwiseConv2dNativeBackpropInput', shape, filter!.shape, attrs, true);
    const loops = loopsOf(backend);
    return tf.tidy(() => {
      const dx = convolve(loops, dy!, filter!, info, true);
      const several = info.outChannels / info.inChannels;
      return several === 1 ? dx : tf.sum(tf.reshape(dx, [...info.inShape, several]), 4);
    });
  },
  DepthwiseConv2dNativeBackpropFilter({ x, dy }, attrs, backend) {
    const shape = attrs.filterShape as number[];
    const info = convGeometry('DepthwiseConv2dNativeBackpropFilter', x!.shape, shape, attrs, true);
    const loops = loopsOf(backend);
    return tf.tidy(() => filterGradient(loops, repeated(x!, info), dy!, info, shape));
  },
};

/** Each channel of an image as often as it has results. */
function repeated(x: tf.Tensor, { inChannels, outChannels, inShape }: Info): tf.Tensor {
  if (inChannels === outChannels) return x;
  const several = outChannels / inChannels;
  return tf.reshape(tf.tile(tf.reshape(x, [-1, 1]), [1, several]), [...inShape.slice(0, 3), outChannels]);
}

const slid = (info: Info): number[] => [
  ...[info.filterHeight, info.filterWidth, info.strideHeight, info.strideWidth],
  ...[info.dilationHeight, info.dilationWidth, info.padInfo.top, info.padInfo.left],
];

function convolve(loops: Loops, x: tf.Tensor, filter: tf.Tensor, info: Info, back: boolean): tf.Tensor {
  const channels = info.outChannels;
  const [image, out] = [
    [info.inHeight, info.inWidth],
    [info.outHeight, info.outWidth],
  ] as [[number, number], [number, number]];
  const [high, wide] = back ? image : out;
  const y = loops.uninitialized([info.batchSize, high, wide, channels]);
  const cost = wide * channels * info.filterHeight * info.filterWidth;
  const sizes = [...(back ? out : image), channels, high, wide, ...slid(info), Number(back)];
  loops.run(
    'depthwise',
    shares(loops, info.batchSize * high, { cost }).map((job) => [...[x, filter, y].map(loops.at), ...sizes, ...job]),
  );
  return y;
}

function filterGradient(loops: Loops, x: tf.Tensor, dy: tf.Tensor, info: Info, shape: number[]): tf.Tensor {
  const dFilter = tf.zeros(shape);
  const channels = info.outChannels;
  const cost = (dy.size / channels) * info.filterHeight * info.filterWidth;
  const sizes = [info.batchSize, info.inHeight, info.inWidth, channels, info.outHeight, info.outWidth, ...slid(info)];
  loops.run(
    'depthwiseFilterGradient',
    // A cache line of each row at least.
    shares(loops, channels, { multiple: 16, cost }).map((job) => [...[x, dy, dFilter].map(loops.at), ...sizes, ...job]),
  );
  return dFilter;
}
