import { type ImageBatch, type Loader, Random, type State } from '@protomem/core';
import type { Encoder, Head, Parameter } from '@protomem/core/contracts';
import { parametersState, restoreParameters } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

const SIZE = 8;
const WIDTH = 4;
const CLASSES = 3;

function parameter(name: string, value: tf.Tensor, kind: Partial<Parameter> = {}): Parameter {
  const variable = tf.variable(value, kind.trainable ?? true);
  value.dispose();
  return { name, variable, trainable: true, decay: true, ...kind };
}

function normal(seed: number, shape: number[], deviation: number): tf.Tensor {
  const rng = new Random(seed);
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal(0, deviation));
  return tf.tensor(values, shape);
}

/** A convolution, a scale, dropout by the step's seed, a running mean, a projection. */
export function tinyEncoder(): Encoder {
  const kernel = parameter('conv.weight', normal(1, [3, 3, 3, 6], 0.2));
  const scale = parameter('norm.scale', tf.ones([6]), { decay: false });
  const running = parameter('norm.mean', tf.zeros([6]), { decay: false, trainable: false });
  const projection = parameter('fc.weight', normal(2, [6, WIDTH], 0.5));
  const parameters = [kernel, scale, running, projection];
  return {
    card: {
      name: 'tiny',
      inputSize: [SIZE, SIZE],
      embeddingSize: WIDTH,
      normalization: { mean: 127.5, std: 127.5 },
      parameters: 3 * 3 * 3 * 6 + 6 + 6 * WIDTH,
      macs: 0,
      source: 'made for tests',
    },
    parameters,
    apply(images, { training = false, seed = 0 } = {}) {
      return tf.tidy(() => {
        const x = tf.div(tf.sub(tf.cast(images, 'float32'), 127.5), 127.5) as tf.Tensor4D;
        const features = tf.mean(tf.relu(tf.conv2d(x, kernel.variable as tf.Tensor4D, 2, 'same')), [1, 2]);
        if (training) {
          const mean = tf.mean(features, 0);
          running.variable.assign(tf.add(tf.mul(running.variable, 0.9), tf.mul(mean, 0.1)));
        }
        const scaled = tf.mul(tf.sub(features, running.variable), scale.variable);
        const kept = training ? tf.dropout(scaled, 0.2, undefined, seed) : scaled;
        return tf.matMul(kept as tf.Tensor2D, projection.variable as tf.Tensor2D);
      });
    },
    dispose() {
      for (const { variable } of parameters) variable.dispose();
    },
  };
}

/** Full softmax over three classes that counts its steps. */
export function tinyHead(): Head {
  const weight = parameter('weight', normal(3, [WIDTH, CLASSES], 0.5));
  let seen = 0;
  return {
    name: 'tiny-softmax',
    parameters: [weight],
    loss(embeddings, labels) {
      seen += labels.length;
      const logits = tf.matMul(embeddings, weight.variable as tf.Tensor2D);
      const targets = tf.oneHot(tf.tensor1d(Array.from(labels), 'int32'), CLASSES);
      return tf.neg(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1));
    },
    metrics: () => ({ seen }),
    state: async () => ({ values: { seen }, tensors: (await parametersState([weight])).tensors }),
    restore(state) {
      seen = state.values.seen as number;
      restoreParameters('tiny-softmax', [weight], state);
    },
    dispose: () => weight.variable.dispose(),
  };
}

/** Noise around a brightness that tells the class; batches depend on all that were drawn before. */
export function tinyLoader(options: { poisonAt?: number; batchSize?: number } = {}): Loader {
  const { poisonAt = Number.NaN, batchSize = 6 } = options;
  const rng = new Random(11);
  let batches = 0;
  return {
    batchSize,
    batchesPerEpoch: 10,
    async next(): Promise<ImageBatch> {
      batches++;
      const labels = Float64Array.from({ length: batchSize }, () => rng.below(CLASSES));
      const pixels = new Uint8Array(batchSize * SIZE * SIZE * 3);
      for (let i = 0; i < pixels.length; i++) {
        pixels[i] = 60 + 60 * labels[Math.floor(i / (SIZE * SIZE * 3))]! + rng.below(40);
      }
      const skipped = batches === 2 ? [{ name: 'bad.jpg', reason: 'cut short' }] : [];
      const names = Array.from(labels, (label, i) => `class${label}/${batches}-${i}.jpg`);
      if (batches === poisonAt) labels[0] = -1;
      return { pixels, shape: [batchSize, SIZE, SIZE, 3], labels, names, skipped };
    },
    state: (): State => ({ values: { rng: rng.state(), batches }, tensors: {} }),
    restore(state) {
      rng.restore(state.values.rng as [number, number, number, number]);
      batches = state.values.batches as number;
    },
    close: async () => undefined,
  };
}
