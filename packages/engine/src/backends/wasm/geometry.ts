import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';

type Shape4D = [number, number, number, number];

/** Geometry of a convolution from a gradient kernel's attributes: sizes, strides, dilations, padding. */
export function convGeometry(
  kernelName: string,
  inputShape: number[],
  filterShape: number[],
  attrs: tf.NamedAttrMap,
  depthwise = false,
): tf.backend_util.Conv2DInfo {
  const { strides, dilations = 1, pad, dimRoundingMode, dataFormat = 'NHWC' } = attrs;
  check(dataFormat === 'NHWC', () => ({
    where: `${kernelName} on wasm`,
    what: 'dataFormat',
    got: dataFormat,
    expected: '"NHWC", the only one of the wasm backend',
  }));
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    strides as number,
    dilations as number,
    pad as 'same',
    dimRoundingMode as 'floor',
    depthwise,
  );
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
  check((strideHeight === 1 && strideWidth === 1) || (dilationHeight === 1 && dilationWidth === 1), () => ({
    where: `${kernelName} on wasm`,
    what: 'strides and dilations',
    got: [strideHeight, strideWidth, dilationHeight, dilationWidth],
    expected: 'strides of 1 or dilations of 1',
  }));
  return info;
}

/** Sizes of a convolution as the loops are told of them. */
export interface Sizes {
  readonly images: number;
  /** What is read, and what is written, or the gradient to it. */
  readonly image: readonly [high: number, wide: number, channels: number];
  readonly out: readonly [high: number, wide: number, channels: number];
  readonly filter: readonly [high: number, wide: number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly before: readonly [top: number, left: number];
}

export const sizesOf = (info: tf.backend_util.Conv2DInfo): Sizes => ({
  images: info.batchSize,
  image: [info.inHeight, info.inWidth, info.inChannels],
  out: [info.outHeight, info.outWidth, info.outChannels],
  filter: [info.filterHeight, info.filterWidth],
  strides: [info.strideHeight, info.strideWidth],
  dilations: [info.dilationHeight, info.dilationWidth],
  before: [info.padInfo.top, info.padInfo.left],
});

/** As `Geometry` of assembly/ reads them; int32. */
export const geometryOf = ({ images, image, out, filter, strides, dilations, before }: Sizes): tf.Tensor1D =>
  tf.tensor1d([images, ...image, ...out, ...filter, ...strides, ...dilations, ...before], 'int32');
