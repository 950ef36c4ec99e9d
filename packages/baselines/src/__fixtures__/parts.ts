import { Random, type State } from '@protomem/core';
import type { CosineLoss, Encoder, Head, Parameter, SoftmaxForm, SoftmaxLoss } from '@protomem/core/contracts';
import { putElements, sparseSoftmaxCrossEntropy, takeElements } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

export const DIMENSION = 3;
const PIXELS = 12;

/** A linear map of the pixels, and a running mean that is only kept. */
export function tinyEncoder(seed: number): Encoder {
  const rng = new Random(seed);
  const parameter = (name: string, shape: number[], trainable: boolean): Parameter => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => rng.normal(0, 0.5));
    return { name, variable: tf.tidy(() => tf.variable(tf.tensor(values, shape), trainable)), trainable, decay: true };
  };
  const weight = parameter('weight', [PIXELS, DIMENSION], true);
  const mean = parameter('mean', [DIMENSION], false);
  return {
    card: {
      name: 'tiny',
      inputSize: [2, 2],
      embeddingSize: DIMENSION,
      normalization: { mean: 0, std: 1 },
      parameters: PIXELS * DIMENSION,
      macs: PIXELS * DIMENSION,
      source: 'made for tests',
    },
    parameters: [weight, mean],
    apply: (images, { training = false } = {}) =>
      tf.tidy(() => {
        const flat = tf.reshape(images, [images.shape[0], PIXELS]);
        const y = tf.matMul<tf.Tensor2D>(flat, weight.variable as tf.Tensor2D);
        if (training) mean.variable.assign(tf.add(tf.mul(mean.variable, 0.9), tf.mul(tf.mean(y, 0), 0.1)));
        return y;
      }),
    dispose: () => tf.dispose([weight.variable, mean.variable]),
  };
}

/** A batch of step `i`: images of noise. */
export function imagesOf(count: number, seed: number): tf.Tensor4D {
  const rng = new Random(seed, 77);
  return tf.tensor4d(
    Float32Array.from({ length: count * PIXELS }, () => rng.normal()),
    [count, 2, 2, 3],
  );
}

/** Plain softmax on `scale * cosines`: a function and nothing more. */
export const plainSoftmax =
  (scale = 6): CosineLoss =>
  (cosines, targets) =>
    sparseSoftmaxCrossEntropy(tf.mul(cosines, scale), targets);

/** A loss that is made of its form; its dense call is not needed by what is tested with it. */
export function softmaxLoss(form: SoftmaxForm, dense: CosineLoss): SoftmaxLoss {
  return Object.defineProperty(Object.assign(dense, { form }), 'name', { value: 'test' }) as SoftmaxLoss;
}

/** CosFace with a form. */
export function cosFace(scale = 6, margin = 0.3): SoftmaxLoss {
  const form: SoftmaxForm = {
    target: (c) => ({ logit: tf.mul(tf.sub(c, margin), scale) }),
    negative: scale,
  };
  return softmaxLoss(form, (cosines, targets) => {
    const changed = putElements(cosines, targets, tf.sub(takeElements(cosines, targets), margin));
    return sparseSoftmaxCrossEntropy(tf.mul(changed, scale), targets);
  });
}

/** A loss whose scale grows with every call. */
export function growingLoss(): CosineLoss {
  let calls = 0;
  const loss: CosineLoss = (cosines, targets) => plainSoftmax(4 + 0.5 * calls++)(cosines, targets);
  return Object.assign(loss, {
    state: (): State => ({ values: { calls }, tensors: {} }),
    restore: ({ values }: State) => {
      calls = values.calls as number;
    },
  });
}

/** One step of training as a trainer does it: plain gradient descent. */
export function trainStep(
  head: Head,
  encoder: Encoder,
  images: tf.Tensor4D,
  labels: ArrayLike<number>,
  learningRate = 0.1,
): Float32Array {
  return tf.tidy(() => {
    const parameters = [...encoder.parameters, ...head.parameters].filter(({ trainable }) => trainable);
    let losses: Float32Array | undefined;
    const { grads } = tf.variableGrads(
      () => {
        const perSample = head.loss(encoder.apply(images, { training: true }), labels, images);
        losses = Float32Array.from(perSample.dataSync());
        return tf.mean(perSample);
      },
      parameters.map(({ variable }) => variable),
    );
    for (const { variable } of parameters) {
      const gradient = grads[variable.name];
      if (gradient) variable.assign(tf.sub(variable, tf.mul(gradient, learningRate)));
    }
    head.afterStep?.({ encoder, learningRate });
    return losses!;
  });
}

/** Vectors on plain arrays, for naive references. */
export const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, i) => s + v * b[i]!, 0);
export const unit = (a: readonly number[]): number[] => a.map((v) => v / Math.max(Math.hypot(...a), 1e-6));
export const sum = (vectors: readonly (readonly number[])[]): number[] =>
  vectors[0]!.map((_, d) => vectors.reduce((s, v) => s + v[d]!, 0));

/** CosFace on plain arrays: of a target's cosine and those of the columns that count. */
export function naiveCosFace(target: number, others: readonly number[], scale = 6, margin = 0.3): number {
  const own = scale * (target - margin);
  return Math.log(others.reduce((s, c) => s + Math.exp(scale * c), Math.exp(own))) - own;
}

/** A momentum encoder on plain arrays. */
export class NaiveEncoder {
  private weight: number[][];
  private readonly momentum: number;

  constructor(encoder: Encoder, momentum: number) {
    this.weight = weightOf(encoder);
    this.momentum = momentum;
  }

  embed(images: tf.Tensor4D): number[][] {
    return embedNaively(this.weight, images);
  }

  follow(encoder: Encoder): void {
    const trained = weightOf(encoder);
    this.weight = this.weight.map((row, i) =>
      row.map((v, d) => this.momentum * v + (1 - this.momentum) * trained[i]![d]!),
    );
  }
}

/** Unit embeddings of the trained encoder. */
export const embed = (encoder: Encoder, images: tf.Tensor4D): number[][] => embedNaively(weightOf(encoder), images);

const weightOf = (encoder: Encoder): number[][] => encoder.parameters[0]!.variable.arraySync() as number[][];

function embedNaively(weight: number[][], images: tf.Tensor4D): number[][] {
  const pixels = images.dataSync();
  return Array.from({ length: images.shape[0] }, (_, i) =>
    unit(sum(weight.map((row, p) => row.map((v) => v * pixels[i * PIXELS + p]!)))),
  );
}

/** The next image of each one's identity, found by searching. */
export function nextNaively(labels: readonly number[], i: number): number {
  for (let k = 1; ; k++) {
    const j = (i + k) % labels.length;
    if (labels[j] === labels[i]) return j;
  }
}
