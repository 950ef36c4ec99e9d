import * as tf from '@tensorflow/tfjs';
import { preluGrad as stock } from '../stock/prelu.ts';
import { pointer, uninitialized, withSimd } from './simd.ts';

/** Outputs: gradients for x and alpha, in one pass. */
export const preluGrad = withSimd<tf.Tensor[]>((simd, { dy, x, alpha }, _, backend) => {
  const dx = uninitialized(x!.shape, backend);
  const dAlpha = tf.zeros(alpha!.shape);
  const pointers = [x!, dy!, alpha!, dx, dAlpha].map((tensor) => pointer(backend, tensor));
  simd.preluGradient(...pointers, x!.size / alpha!.size, alpha!.size);
  return [dx, dAlpha];
}, stock);
