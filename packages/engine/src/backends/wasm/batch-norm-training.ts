import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { liveValues } from '../host/live-values.ts';
import { loopsOf, READ, shares } from './loops.ts';

const channelZeros = (channels: number): tf.Tensor1D => tf.zeros<tf.Rank.R1>([channels]);

type Rows = readonly (readonly [first: number, last: number])[];

/** Two sums over rows for each channel: every share of the rows has its own, which are added in their order. */
function channelSums(
  loop: 'moments' | 'gradientSums',
  inputs: readonly tf.Tensor[],
  channels: number,
  rows: Rows,
  backend: tf.KernelBackend,
): [Float32Array, Float32Array] {
  const { at, run } = loopsOf(backend);
  const sums = tf.zeros([2, rows.length, channels]);
  const pointers = inputs.map(at);
  const each = rows.length * channels;
  run(
    loop,
    rows.map((range, i) => {
      const own = at(sums) + 4 * i * channels;
      return [...pointers, own, own + 4 * each, channels, ...range];
    }),
  );
  const all = liveValues(backend, sums) as Float32Array;
  const added = (first: number): Float32Array => {
    const sum = all.slice(first, first + channels);
    for (let i = channels; i < each; i++) sum[i % channels]! += all[first + i]!;
    return sum;
  };
  return [added(0), added(each)];
}

/** Writes the last tensor row by row, from the others. */
function overRows(
  loop: 'normalize' | 'combine',
  tensors: readonly tf.Tensor[],
  channels: number,
  rows: Rows,
  backend: tf.KernelBackend,
): void {
  const { at, run } = loopsOf(backend);
  const pointers = tensors.map(at);
  run(
    loop,
    rows.map((range) => [...pointers, channels, ...range]),
  );
}

/** Two passes over x, one over y. */
export const batchNormTraining: TrainingKernels['batchNormTraining'] = (inputs, { epsilon }, backend) => {
  const loops = loopsOf(backend);
  const { x, scale, offset } = inputs;
  const channels = scale.size;
  const count = x.size / channels;
  return tf.tidy(() => {
    const rows = shares(loops, count, { cost: READ * channels, perThread: 1 });
    const [mean, variance, factor] = [channelZeros(channels), channelZeros(channels), channelZeros(channels)];
    const y = loops.uninitialized<tf.Tensor4D>(x.shape);
    const [shifts, spreads] = channelSums('moments', [x], channels, rows, backend);
    const [m, v, f, s, first] = [mean, variance, factor, scale, x].map((tensor) => liveValues(backend, tensor));
    for (let c = 0; c < channels; c++) {
      // Both are sums relative to the first row.
      const shift = shifts[c]! / count;
      v![c] = Math.max(0, spreads[c]! / count - shift ** 2);
      m![c] = first![c]! + shift;
      f![c] = s![c]! / Math.sqrt(v![c]! + epsilon);
    }
    overRows('normalize', [x, mean, factor, offset, y], channels, rows, backend);
    return [y, mean, variance];
  });
};

/** Two passes over x and dy, one over dx. */
export const batchNormTrainingGrad: TrainingKernels['batchNormTrainingGrad'] = (inputs, { epsilon }, backend) => {
  const loops = loopsOf(backend);
  const { dy, x, scale, mean, variance } = inputs;
  const channels = scale.size;
  const count = x.size / channels;
  return tf.tidy(() => {
    const rows = shares(loops, count, { cost: READ * channels, perThread: 1 });
    const [dScale, dOffset, a, b, d] = Array.from({ length: 5 }, () => channelZeros(channels));
    const dx = loops.uninitialized<tf.Tensor4D>(x.shape);
    const [ofGradients, ofProducts] = channelSums('gradientSums', [x, dy, mean], channels, rows, backend);
    const read = [dScale!, dOffset!, a!, b!, d!, scale, variance].map((tensor) => liveValues(backend, tensor));
    const [products, gradients, factor, along, constant, s, v] = read;
    for (let c = 0; c < channels; c++) {
      const r = 1 / Math.sqrt(v![c]! + epsilon);
      factor![c] = s![c]! * r;
      along![c] = (-s![c]! * r ** 3 * ofProducts[c]!) / count;
      constant![c] = (-s![c]! * r * ofGradients[c]!) / count;
      gradients![c] = ofGradients[c]!;
      products![c] = ofProducts[c]! * r;
    }
    overRows('combine', [x, dy, mean, a!, b!, d!, dx], channels, rows, backend);
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
    const rows = shares(loops, x!.size / channels, { cost: READ * channels });
    overRows('normalize', [x!, mean!, factor, offset ?? channelZeros(channels), y], channels, rows, backend);
    return y;
  });
}
