import { createEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import { sgd } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';

await loadEngine();
const encoder = createEncoder('mobile-face-net', { inputSize: 48, embeddingSize: 64, width: 0.5 });
const memory = createPrototypeMemory({ size: 1000, dimension: 64 });
const [loss, optimizer] = [cosFace({ scale: 30, margin: 0.35 }), sgd()];
const images = tf.randomUniform<tf.Rank.R4>([8, 48, 48, 3], 0, 255); // yours: RGB, aligned faces
const labels = [3, 3, 70, 70, 2 ** 40, 2 ** 40, 9, 9]; // whose they are: any integers below 2^53
const trainable = encoder.parameters.filter((parameter) => parameter.trainable);
const { value, grads } = tf.variableGrads(
  () => tf.mean(memory.loss(encoder.apply(images, { training: true }), labels, loss)),
  trainable.map(({ variable }) => variable),
);
optimizer.step(
  trainable,
  Object.fromEntries(trainable.map(({ name, variable }) => [name, grads[variable.name]!])),
  0.1,
);
value.print();

export {};
