import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { liveValues } from '../host/live-values.ts';
import { loopsOf, READ, shares } from './loops.ts';

const channelZeros = (channels: number): tf.Tensor1D => tf.zeros<tf.Rank.R1>([channels]);

/** The sums of all shares, which lie one behind the other, in the first. */
function addShares(sums: Float32Array | Int32Array, channels: number): void {
  for (let i = channels; i < sums.length; i++) sums[i % channels]! += sums[i]!;
}

/** Two passes over x, one over y. */
export const batchNormTraining: TrainingKernels['batchNormTraining'] = (inputs, { epsilon }, backend) => {
  const loops = loopsOf(backend);
  const { at } = loops;
  const { x, scale, offset } = inputs;
  const channels = scale.size;
  const count = x.size / channels;
  return tf.tidy(() => {
    const rows = shares(loops, count, { cost: READ * channels, perThread: 1 });
    const [mean, variance, factor] = [channelZeros(channels), channelZeros(channels), channelZeros(channels)];
    const sums = tf.zeros([2, rows.length, channels]);
    const y = loops.uninitialized<tf.Tensor4D>(x.shape);
    const bytes = 4 * channels;
    const squares = rows.length * bytes;
    loops.run(
      'moments',
      rows.map((range, i) => [at(x), at(sums) + i * bytes, at(sums) + squares + i * bytes, channels, ...range]),
    );
    const [m, v, f, s, first, all] = [mean, variance, factor, scale, x, sums].map((tensor) =>
      liveValues(backend, tensor),
    );
    const [shifts, spreads] = [all!.subarray(0, squares / 4), all!.subarray(squares / 4)];
    addShares(shifts, channels);
    addShares(spreads, channels);
    for (let c = 0; c < channels; c++) {
      // Both are sums relative to the first row.
      const shift = shifts[c]! / count;
      v![c] = Math.max(0, spreads[c]! / count - shift ** 2);
      m![c] = first![c]! + shift;
      f![c] = s![c]! / Math.sqrt(v![c]! + epsilon);
    }
    const pointers = [x, mean, factor, offset, y].map(at);
    loops.run(
      'normalize',
      rows.map((range) => [...pointers, channels, ...range]),
    );
    return [y, mean, variance];
  });
};

/** Two passes over x and dy, one over dx. */
export const batchNormTrainingGrad: TrainingKernels['batchNormTrainingGrad'] = (inputs, { epsilon }, backend) => {
  const loops = loopsOf(backend);
  const { at } = loops;
  const { dy, x, scale, mean, variance } = inputs;
  const channels = scale.size;
  const count = x.size / channels;
  return tf.tidy(() => {
    const rows = shares(loops, count, { cost: READ * channels, perThread: 1 });
    const [dScale, dOffset, a, b, d] = Array.from({ length: 5 }, () => channelZeros(channels));
    const sums = tf.zeros([2, rows.length, channels]);
    const dx = loops.uninitialized<tf.Tensor4D>(x.shape);
    const bytes = 4 * channels;
    const half = rows.length * bytes;
    loops.run(
      'gradientSums',
      rows.map((range, i) => [
        ...[x, dy, mean].map(at),
        ...[at(sums) + i * bytes, at(sums) + half + i * bytes, channels],
        ...range,
      ]),
    );
    const read = [dScale!, dOffset!, a!, b!, d!, scale, variance, sums].map((tensor) => liveValues(backend, tensor));
    const [products, gradients, factor, along, constant, s, v, all] = read;
    const [ofGradients, ofProducts] = [all!.subarray(0, half / 4), all!.subarray(half / 4)];
    addShares(ofGradients, channels);
    addShares(ofProducts, channels);
    for (let c = 0; c < channels; c++) {
      const r = 1 / Math.sqrt(v![c]! + epsilon);
      factor![c] = s![c]! * r;
      along![c] = (-s![c]! * r ** 3 * ofProducts[c]!) / count;
      constant![c] = (-s![c]! * r * ofGradients[c]!) / count;
      gradients![c] = ofGradients[c]!;
      products![c] = ofProducts[c]! * r;
    }
    const pointers = [x, dy, mean, a!, b!, d!, dx].map(at);
    loops.run(
      'combine',
      rows.map((range) => [...pointers, channels, ...range]),
    );
    return [dx, dScale!, dOffset!];
  });
};

/** With given statistics, in one pass; tfjs's takes several times as long. */
export function fusedBatchNorm(
  { x, mean, variance, scale, offset }: tf.NamedTensorMap,
  { varianceEpsilon }: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): tf.Tensor {
  const loops = loopsOf(backend);
  const channels = mean!.size;
  return tf.tidy(() => {
    const y = loops.uninitialized(x!.shape);
    const factor = tf.mul(tf.rsqrt(tf.add(variance!, varianceEpsilon as number)), scale ?? 1);
    const pointers = [x!, mean!, factor, offset ?? channelZeros(channels), y].map(loops.at);
    const rows = shares(loops, x!.size / channels, { cost: READ * channels });
    loops.run(
      'normalize',
      rows.map((range) => [...pointers, channels, ...range]),
    );
    return y;
  });
}
