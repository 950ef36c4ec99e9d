import { Random } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { expectClose, numericalGradient } from '../../testing.ts';

/** Normal deviates as a tensor. */
export function normal(shape: number[], seed = 1, deviation = 1): tf.Tensor {
  const random = new Random(seed);
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.normal(0, deviation)),
    shape,
    'float32',
  );
}

/** Checks the gradients of `sum(weights * f(...inputs))` against central differences, for every input. */
export function checkGradients(f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], tolerance = 1e-2): void {
  tf.tidy(() => {
    const weights = normal(f(...inputs).shape, 99);
    const loss = (...xs: tf.Tensor[]): tf.Scalar => tf.sum(tf.mul(f(...xs), weights));
    const gradients = tf.grads(loss)(inputs);
    inputs.forEach((input, i) => {
      const at = (x: tf.Tensor): tf.Tensor => loss(...inputs.map((other, j) => (j === i ? x : other)));
      expectClose(gradients[i]!, numericalGradient(at, input), tolerance);
    });
  });
}

/** What a naive convolution is told. */
export interface Convolution {
  readonly x: tf.Tensor4D;
  /** `[h, w, Ci, Co]`, or depthwise `[h, w, C, multiplier]`. */
  readonly filter: tf.Tensor4D;
  readonly dy: tf.Tensor4D;
  readonly info: tf.backend_util.Conv2DInfo;
  readonly depthwise: boolean;
}

/** Convolution and its two gradients by loops over every product, in double precision. */
export function naiveConvolution({ x, filter, dy, info, depthwise }: Convolution): {
  y: Float64Array;
  dx: Float64Array;
  dFilter: Float64Array;
} {
  const [X, F, D] = [x, filter, dy].map((tensor) => tensor.dataSync());
  const [y, dx, dFilter] = [new Float64Array(dy.size), new Float64Array(x.size), new Float64Array(filter.size)];
  const [, , inChannels, last] = filter.shape;
  const outChannels = depthwise ? inChannels * last : last;
  for (let n = 0; n < info.batchSize; n++)
    for (let oh = 0; oh < info.outHeight; oh++)
      for (let ow = 0; ow < info.outWidth; ow++)
        for (let i = 0; i < info.filterHeight; i++)
          for (let j = 0; j < info.filterWidth; j++) {
            const h = oh * info.strideHeight + i * info.dilationHeight - info.padInfo.top;
            const w = ow * info.strideWidth + j * info.dilationWidth - info.padInfo.left;
            if (h < 0 || w < 0 || h >= info.inHeight || w >= info.inWidth) continue;
            for (let c = 0; c < inChannels; c++)
              for (let o = 0; o < last; o++) {
                const xi = ((n * info.inHeight + h) * info.inWidth + w) * inChannels + c;
                const fi = ((i * info.filterWidth + j) * inChannels + c) * last + o;
                const out = depthwise ? c * last + o : o;
                const yi = ((n * info.outHeight + oh) * info.outWidth + ow) * outChannels + out;
                y[yi]! += X![xi]! * F![fi]!;
                dx[xi]! += D![yi]! * F![fi]!;
                dFilter[fi]! += D![yi]! * X![xi]!;
              }
          }
  return { y, dx, dFilter };
}
