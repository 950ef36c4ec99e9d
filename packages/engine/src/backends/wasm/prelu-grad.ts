import * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { pointer, uninitialized, withSimd } from './simd.ts';

/** In one pass. */
export const preluGrad: TrainingKernels['preluGrad'] = withSimd((simd, { dy, x, alpha }, _, backend) => {
  const dx = uninitialized(x.shape, backend);
  const dAlpha = tf.zeros<tf.Rank.R1>(alpha.shape);
  const pointers = [x, dy, alpha, dx, dAlpha].map((tensor) => pointer(backend, tensor));
  simd.preluGradient(...pointers, x.size / alpha.size, alpha.size);
  return [dx, dAlpha];
}, composedKernels.preluGrad);
