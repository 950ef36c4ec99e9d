import type { Loader } from '@protomem/core';
import type { Encoder, Head, Parameter } from '@protomem/core/contracts';
import { parametersState, restoreParameters } from '@protomem/engine';
import { consoleLogger, cosine, createTrainer, jsonlLogger, sgd } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';

// The smallest parts there are: 2x2 images of three classes, one matrix for the encoder, one for the classes.
const matrix = (name: string, shape: [number, number]): Parameter => {
  return { name, variable: tf.variable(tf.randomNormal(shape, 0, 0.1, 'float32', 7)), trainable: true, decay: true };
};
const [projection, classes] = [matrix('projection', [12, 8]), matrix('classes', [8, 3])];

const encoder: Encoder = {
  card: {
    name: 'matrix',
    inputSize: [2, 2],
    embeddingSize: 8,
    normalization: { mean: 128, std: 128 },
    parameters: 96,
    macs: 96,
    source: 'here',
  },
  parameters: [projection],
  apply: (images) =>
    tf.matMul(tf.reshape(tf.div(tf.sub(images, 128), 128), [-1, 12]), projection.variable as tf.Tensor2D),
  dispose: () => projection.variable.dispose(),
};
const head: Head = {
  name: 'softmax',
  parameters: [classes],
  loss(embeddings, labels) {
    const targets = tf.oneHot(tf.tensor1d(Array.from(labels), 'int32'), 3);
    return tf.neg(
      tf.sum<tf.Tensor1D>(tf.mul(targets, tf.logSoftmax(tf.matMul(embeddings, classes.variable as tf.Tensor2D))), 1),
    );
  },
  metrics: () => ({}),
  state: () => parametersState([classes]),
  restore: (state) => restoreParameters('softmax', [classes], state),
  dispose: () => classes.variable.dispose(),
};
const loader: Loader = {
  batchSize: 3,
  batchesPerEpoch: 1,
  next: async () => ({
    pixels: Uint8Array.from({ length: 36 }, (_, i) => (i % 3 === Math.floor(i / 12) ? 255 : 0)), // red, green, blue
    shape: [3, 2, 2, 3],
    labels: Float64Array.of(0, 1, 2),
    names: ['red', 'green', 'blue'],
    skipped: [],
  }),
  state: () => ({ values: {}, tensors: {} }),
  restore: () => undefined,
  close: async () => undefined,
};

const steps = 100;
const trainer = createTrainer({
  encoder,
  head,
  loader,
  steps,
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  schedule: cosine({ base: 0.01, warmup: 10, steps }),
  clipNorm: 5,
  loggers: [consoleLogger(), jsonlLogger('run/metrics.jsonl')],
  checkpoints: { directory: 'run/checkpoints', every: 50 },
  hooks: { onEnd: ({ step }) => console.log(`done after ${step} steps`) },
});
await trainer.resume(); // goes on where an earlier run was stopped or killed
await trainer.run(); // step 100/100  epoch 100.0  loss 0.009  ...

export {};
