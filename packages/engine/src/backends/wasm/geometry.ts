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

/** Rows (columns) of zeros around an image; a negative number takes rows away. */
export interface Margin {
  readonly before: number;
  readonly after: number;
}

/** Convolution with stride 1 over an image that is padded, and cropped where a margin is negative. */
export function convolve(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  {
    rows,
    columns,
    dilations,
    depthwise,
  }: {
    rows: Margin;
    columns: Margin;
    dilations: [number, number];
    depthwise: boolean;
  },
): tf.Tensor4D {
  const margins = [rows, columns];
  const [top, left] = margins.map(({ before }) => Math.max(0, -before)) as [number, number];
  const [bottom, right] = margins.map(({ after }) => Math.max(0, -after)) as [number, number];
  const [images, height, width, channels] = x.shape;
  const cropped =
    top + bottom + left + right > 0
      ? tf.slice(x, [0, top, left, 0], [images, height - top - bottom, width - left - right, channels])
      : x;
  const pad: [number, number][] = [
    [0, 0],
    ...margins.map(({ before, after }): [number, number] => [Math.max(0, before), Math.max(0, after)]),
    [0, 0],
  ];
  const padding = pad as tf.backend_util.ExplicitPadding;
  return depthwise
    ? // Its type has no explicit padding, which it takes all the same.
      tf.depthwiseConv2d(cropped, filter, 1, padding as unknown as 'same', 'NHWC', dilations)
    : tf.conv2d(cropped, filter, 1, padding, 'NHWC', dilations);
}
