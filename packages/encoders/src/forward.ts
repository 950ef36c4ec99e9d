import { type BatchNormTrainingResult, batchNormPreluTraining, batchNormTraining, prelu } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { Layer } from './layer.ts';

/** Of the norms, added to variances. */
export const epsilon = 1e-5;
const momentum = 0.1;

/** What layers need besides their input. */
export interface Pass {
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly training: boolean;
  /** See `recompute` of the encoder's options. */
  readonly recompute: boolean;
  /** A number uniform in [0, 1); only dropout asks for it. */
  readonly uniform: () => number;
}

/**
 * Runs layers one after the other and frees each result as soon as the next one stands; what a gradient needs later is
 * held by the tape, not by this function. `x` stays the caller's.
 */
export function forward(layers: readonly Layer[], x: tf.Tensor, pass: Pass): tf.Tensor {
  let now = x;
  for (let i = 0; i < layers.length; i++) {
    const [layer, after] = [layers[i]!, layers[i + 1]];
    // Together they keep one activation for the gradient instead of two.
    const both = pass.training && pass.recompute && layer.kind === 'norm' && after?.kind === 'prelu';
    const next = tf.tidy(() => (both ? normTraining(now, layer, pass, after) : step(layer, now, pass)));
    if (both) i++;
    if (now !== x) now.dispose();
    now = next;
  }
  return now;
}

const weightOf = (layer: Layer, suffix: string, { variables }: Pass): tf.Variable =>
  variables.get(`${(layer as { name: string }).name}.${suffix}`)!;

function step(layer: Layer, x: tf.Tensor, pass: Pass): tf.Tensor {
  const weight = (suffix: string): tf.Variable => weightOf(layer, suffix, pass);
  switch (layer.kind) {
    case 'convolution': {
      const [image, pad] = padded(layer, x as tf.Tensor4D);
      const maps = tf.conv2d(image, weight('weight') as tf.Tensor as tf.Tensor4D, layer.stride, pad);
      return layer.bias ? tf.add(maps, weight('bias')) : maps;
    }
    case 'depthwise': {
      const [image, pad] = padded(layer, x as tf.Tensor4D);
      const maps = tf.depthwiseConv2d(image, weight('weight') as tf.Tensor as tf.Tensor4D, layer.stride, pad);
      return layer.bias ? tf.add(maps, weight('bias')) : maps;
    }
    case 'dense': {
      const flat = tf.reshape(x, [x.shape[0]!, -1]) as tf.Tensor2D;
      const matrix = tf.reshape(weight('weight'), [-1, layer.outputs]) as tf.Tensor2D;
      return tf.add(tf.matMul(flat, matrix), weight('bias'));
    }
    case 'norm':
      return pass.training ? normTraining(x, layer, pass) : normRunning(x, weight);
    case 'prelu':
      return prelu(x, weight('weight') as tf.Tensor as tf.Tensor1D);
    case 'dropout':
      return pass.training ? tf.mul(x, mask(x.shape, layer.rate, pass.uniform)) : tf.clone(x);
    case 'residual': {
      const body = forward(layer.body, x, pass);
      return sum(body, layer.shortcut.length > 0 ? forward(layer.shortcut, x, pass) : x);
    }
  }
}

/** `a + b` of equal shapes. `tf.add` would keep both for their shapes until the backward pass. */
const sum = tf.customGrad((a, b) => ({
  value: tf.add(a as tf.Tensor, b as tf.Tensor),
  gradFunc: (dy: tf.Tensor) => [dy, dy],
}));

/**
 * The image and tfjs's name for padding that amounts to `padding` zeros on every side. `same` does so at stride 1, and
 * at stride 2 where the side is odd. Where it is even `same` would add one row at the end; the symmetric row at the end
 * is never reached then, so only the one at the start is added. (tfjs-node has no gradient for explicit padding.)
 */
function padded(
  { stride, padding }: { readonly stride: 1 | 2; readonly padding: 0 | 1 },
  x: tf.Tensor4D,
): [tf.Tensor4D, 'same' | 'valid'] {
  if (padding === 0) return [x, 'valid'];
  const even = [x.shape[1], x.shape[2]].map((side) => side % 2 === 0);
  if (stride === 1 || !even.includes(true)) return [x, 'same'];
  const [rows, columns] = even.map((isEven): [number, number] => [1, isEven ? 0 : 1]);
  const paddings = [[0, 0], rows!, columns!, [0, 0]] as [number, number][];
  // tf.pad would keep x beside the result, which the convolution keeps.
  const pad = tf.customGrad((image) => ({
    value: tf.pad(image as tf.Tensor4D, paddings),
    gradFunc: (dy: tf.Tensor) =>
      tf.slice(
        dy,
        paddings.map(([before]) => before),
        x.shape,
      ),
  }));
  return [pad(x) as tf.Tensor4D, 'valid'];
}

function normRunning(x: tf.Tensor, weight: (suffix: string) => tf.Variable): tf.Tensor {
  const [mean, variance, offset, scale] = ['running_mean', 'running_var', 'bias', 'weight'].map(
    (suffix) => weight(suffix) as tf.Tensor as tf.Tensor1D,
  );
  return tf.batchNorm(x, mean!, variance!, offset!, scale!, epsilon);
}

/** @param activation a PReLU that follows */
function normTraining(x: tf.Tensor, layer: Layer, pass: Pass, activation?: Layer): tf.Tensor {
  const weight = (suffix: string): tf.Variable => weightOf(layer, suffix, pass);
  const [image, scale, offset] = [x, weight('weight'), weight('bias')] as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
  const { y, mean, variance }: BatchNormTrainingResult = activation
    ? batchNormPreluTraining(image, scale, offset, weightOf(activation, 'weight', pass) as tf.Tensor1D, epsilon)
    : batchNormTraining(image, scale, offset, epsilon);
  const count = x.size / x.shape.at(-1)!;
  follow(weight('running_mean'), mean, 1);
  // PyTorch normalizes with the biased variance and remembers the unbiased one.
  follow(weight('running_var'), variance, count / (count - 1));
  return y;
}

function follow(running: tf.Variable, batch: tf.Tensor, factor: number): void {
  running.assign(tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum * factor)));
}

function mask(shape: readonly number[], rate: number, uniform: () => number): tf.Tensor {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const kept = 1 / (1 - rate);
  for (let i = 0; i < values.length; i++) values[i] = uniform() < rate ? 0 : kept;
  return tf.tensor(values, [...shape]);
}
