import * as tf from '@tensorflow/tfjs';
import { convGeometry } from './geometry.ts';
import { pointer, withSimd } from './simd.ts';
import { transposedConvolution } from './transposed-convolution.ts';

/** Gradient of a depthwise convolution for its input; a channel's several outputs are summed at the end. */
export function depthwiseBackpropInput({ dy, filter }: tf.NamedTensorMap, attrs: tf.NamedAttrMap): tf.Tensor {
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

const kernelName = 'DepthwiseConv2dNativeBackpropFilter';

/** Gradient of a depthwise convolution for its filter: a loop for the usual case, taps for several outputs a channel. */
export const depthwiseBackpropFilter = withSimd(
  (simd, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap, backend): tf.Tensor => {
    const filterShape = attrs.filterShape as [number, number, number, number];
    const [x, dy] = [inputs.x!, inputs.dy!];
    const info = convGeometry(kernelName, x.shape, filterShape, attrs, true);
    if (filterShape[3] > 1 || info.dilationHeight * info.dilationWidth > 1) return byTaps(inputs, attrs);
    const dFilter = tf.zeros(filterShape);
    simd.depthwiseFilterGradient(
      ...[x, dy, dFilter].map((tensor) => pointer(backend, tensor)),
      ...[info.batchSize, info.inHeight, info.inWidth, info.inChannels, info.outHeight, info.outWidth],
      ...[
        info.filterHeight,
        info.filterWidth,
        info.strideHeight,
        info.strideWidth,
        info.padInfo.top,
        info.padInfo.left,
      ],
    );
    return dFilter;
  },
  byTaps,
);

/** For each tap, the image under it times `dy`, summed over pixels. */
function byTaps({ x, dy }: tf.NamedTensorMap, attrs: tf.NamedAttrMap): tf.Tensor {
  const filterShape = attrs.filterShape as [number, number, number, number];
  const info = convGeometry(kernelName, x!.shape, filterShape, attrs, true);
  const { batchSize, inChannels, outChannels, outHeight, outWidth, strideHeight, strideWidth, padInfo } = info;
  const [rowSpan, columnSpan] = [(outHeight - 1) * strideHeight + 1, (outWidth - 1) * strideWidth + 1];
  const multiplier = outChannels / inChannels;
  return tf.tidy(() => {
    const padded = tf.pad(x as tf.Tensor4D, [
      [0, 0],
      [padInfo.top, Math.max(0, rowSpan + info.effectiveFilterHeight - 1 - info.inHeight - padInfo.top)],
      [padInfo.left, Math.max(0, columnSpan + info.effectiveFilterWidth - 1 - info.inWidth - padInfo.left)],
      [0, 0],
    ]);
    const pixels = batchSize * outHeight * outWidth;
    const ones = tf.ones([1, pixels]) as tf.Tensor2D;
    const dy4 = tf.reshape(dy!, [pixels, inChannels, multiplier]);
    const tap = (row: number, column: number): tf.Tensor2D =>
      tf.tidy(() => {
        const end = [batchSize, row + rowSpan, column + columnSpan, inChannels];
        const under = tf.stridedSlice(padded, [0, row, column, 0], end, [1, strideHeight, strideWidth, 1]);
        const product = tf.mul(tf.reshape(under, [pixels, inChannels, 1]), dy4);
        return tf.matMul(ones, tf.reshape(product, [pixels, outChannels]) as tf.Tensor2D);
      });
    const taps: tf.Tensor2D[] = [];
    for (let row = 0; row < info.filterHeight; row++) {
      for (let column = 0; column < info.filterWidth; column++) {
        taps.push(tap(row * info.dilationHeight, column * info.dilationWidth));
      }
    }
    return tf.reshape(tf.concat(taps, 0), filterShape);
  });
}
