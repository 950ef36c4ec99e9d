import * as tf from '@tensorflow/tfjs';
import { liveValues } from '../host/live-values.ts';

/**
 * Sends the gradient of each window to its first largest value. tfjs's kernel starts its search at 0 and so finds none
 * in a window of negative values.
 */
export function maxPoolGrad(
  { dy, input }: tf.NamedTensorMap,
  attrs: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): tf.Tensor {
  const info = tf.backend_util.computePool2DInfo(
    input!.shape as [number, number, number, number],
    attrs.filterSize as [number, number],
    attrs.strides as [number, number],
    1,
    attrs.pad as 'same' | 'valid' | number,
    attrs.dimRoundingMode as 'floor' | undefined,
  );
  const { inHeight, inWidth, outHeight, outWidth, inChannels: channels, strideHeight, strideWidth, padInfo } = info;
  const dx = tf.zeros(input!.shape);
  const [from, x, to] = [dy!, input!, dx].map((tensor) => liveValues(backend, tensor));
  let at = 0;
  for (let image = 0; image < info.batchSize; image++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const top = outRow * strideHeight - padInfo.top;
      const [firstRow, lastRow] = [Math.max(0, top), Math.min(inHeight, top + info.filterHeight)];
      for (let outColumn = 0; outColumn < outWidth; outColumn++) {
        const left = outColumn * strideWidth - padInfo.left;
        const [firstColumn, lastColumn] = [Math.max(0, left), Math.min(inWidth, left + info.filterWidth)];
        for (let channel = 0; channel < channels; channel++) {
          let best = -1;
          for (let row = firstRow; row < lastRow; row++) {
            for (let column = firstColumn; column < lastColumn; column++) {
              const i = ((image * inHeight + row) * inWidth + column) * channels + channel;
              if (best < 0 || x![i]! > x![best]!) best = i;
            }
          }
          if (best >= 0) to![best]! += from![at]!;
          at++;
        }
      }
    }
  }
  return dx;
}
