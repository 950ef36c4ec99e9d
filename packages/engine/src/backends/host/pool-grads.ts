import * as tf from '@tensorflow/tfjs';
import { liveValues } from './live-values.ts';

/** A window of a pooling: its pixels inside the image. */
interface Window {
  readonly rows: number;
  readonly columns: number;
  /** From a row, and from a pixel, to the next. */
  readonly down: number;
  readonly right: number;
}

/** @param first place of the window's first pixel, in one channel */
type Spread = (window: Window, first: number, gradient: number, x: ArrayLike<number>, dx: Float32Array) => void;

/** The gradient of a pooling from that of each of its windows. */
const poolGrad =
  (spread: Spread) =>
  ({ dy, input }: tf.NamedTensorMap, attrs: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor => {
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
          const first = ((image * inHeight + firstRow) * inWidth + firstColumn) * channels;
          const [rows, columns] = [Math.max(0, lastRow - firstRow), Math.max(0, lastColumn - firstColumn)];
          const window = { rows, columns, down: inWidth * channels, right: channels };
          for (let channel = 0; channel < channels; channel++) {
            spread(window, first + channel, from![at++]!, x!, to as Float32Array);
          }
        }
      }
    }
    return dx;
  };

/**
 * Sends the gradient of each window to its first largest value. tfjs's kernel starts its search at 0 and so finds none
 * in a window of negative values.
 */
export const maxPoolGrad = poolGrad(({ rows, columns, down, right }, first, gradient, x, dx) => {
  let best = -1;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const i = first + row * down + column * right;
      if (best < 0 || x[i]! > x[best]!) best = i;
    }
  }
  if (best >= 0) dx[best]! += gradient;
});

/** Shares the gradient of each window out to its pixels inside the image. tfjs's kernels give each as if none were outside. */
export const avgPoolGrad = poolGrad(({ rows, columns, down, right }, first, gradient, _, dx) => {
  const share = gradient / (rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) dx[first + row * down + column * right]! += share;
  }
});
