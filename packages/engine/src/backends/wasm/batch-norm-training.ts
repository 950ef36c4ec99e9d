import * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { liveValues } from '../host/live-values.ts';
import { pointer, uninitialized, withSimd } from './simd.ts';

const channelZeros = (channels: number): tf.Tensor1D => tf.zeros<tf.Rank.R1>([channels]);

/** Two passes over x, one over y. */
export const batchNormTraining: TrainingKernels['batchNormTraining'] = withSimd(
  (simd, inputs, { epsilon }, backend) => {
    const { x, scale, offset } = inputs;
    const channels = scale.size;
    const count = x.size / channels;
    return tf.tidy(() => {
      const [mean, variance, factor] = [channelZeros(channels), channelZeros(channels), channelZeros(channels)];
      const y = uninitialized<tf.Tensor4D>(x.shape, backend);
      const at = (tensor: tf.Tensor): number => pointer(backend, tensor);
      simd.moments(at(x), at(mean), at(variance), count, channels);
      const [m, v, f, s, first] = [mean, variance, factor, scale, x].map((tensor) => liveValues(backend, tensor));
      for (let c = 0; c < channels; c++) {
        // Both are sums relative to the first row until now.
        const shift = m![c]! / count;
        v![c] = Math.max(0, v![c]! / count - shift ** 2);
        m![c] = first![c]! + shift;
        f![c] = s![c]! / Math.sqrt(v![c]! + epsilon);
      }
      simd.normalize(at(x), at(mean), at(factor), at(offset), at(y), count, channels);
      return [y, mean, variance];
    });
  },
  composedKernels.batchNormTraining,
);

/** Two passes over x and dy, one over dx. */
export const batchNormTrainingGrad: TrainingKernels['batchNormTrainingGrad'] = withSimd(
  (simd, inputs, attrs, backend) => {
    const { dy, x, scale, mean, variance } = inputs;
    const channels = scale.size;
    const count = x.size / channels;
    return tf.tidy(() => {
      const [dScale, dOffset, a, b, d] = Array.from({ length: 5 }, () => channelZeros(channels));
      const dx = uninitialized<tf.Tensor4D>(x.shape, backend);
      const at = (tensor: tf.Tensor): number => pointer(backend, tensor);
      simd.gradientSums(at(x), at(dy), at(mean), at(dOffset!), at(dScale!), count, channels);
      const all = [dScale!, dOffset!, a!, b!, d!, scale, variance];
      const [products, sums, factor, along, constant, s, v] = all.map((tensor) => liveValues(backend, tensor));
      for (let c = 0; c < channels; c++) {
        const r = 1 / Math.sqrt(v![c]! + attrs.epsilon);
        factor![c] = s![c]! * r;
        along![c] = (-s![c]! * r ** 3 * products![c]!) / count;
        constant![c] = (-s![c]! * r * sums![c]!) / count;
        products![c]! *= r;
      }
      simd.combine(at(x), at(dy), at(mean), at(a!), at(b!), at(d!), at(dx), count, channels);
      return [dx, dScale!, dOffset!];
    });
  },
  composedKernels.batchNormTrainingGrad,
);
