import type { Encoder, Parameter } from '@protomem/core/contracts';
import { encoderState, restoreEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import * as tf from '@tensorflow/tfjs';

function patches(seed: number): Encoder {
  const [side, channels, embeddingSize] = [8, 16, 12];
  const kernel = tf.variable(
    tf.randomNormal([side, side, 3, channels], 0, 0.07, 'float32', seed),
  ) as tf.Variable<tf.Rank.R4>;
  const bias = tf.variable(tf.zeros([channels]));
  const last = tf.variable(
    tf.randomNormal([channels, embeddingSize], 0, 0.25, 'float32', seed + 1),
  ) as tf.Variable<tf.Rank.R2>;
  const parameters: Parameter[] = [
    { name: 'patches.weight', variable: kernel, trainable: true, decay: true },
    { name: 'patches.bias', variable: bias, trainable: true, decay: false },
    { name: 'last.weight', variable: last, trainable: true, decay: true },
  ];
  return {
    card: {
      name: 'patches',
      inputSize: [32, 32],
      embeddingSize,
      normalization: { mean: 127.5, std: 127.5 },
      parameters: kernel.size + bias.size + last.size,
      macs: 4 * 4 * kernel.size + last.size,
      source: 'ours',
    },
    parameters,
    apply: (images) =>
      tf.tidy(() => {
        const x = tf.div(tf.sub(tf.cast(images, 'float32'), 127.5), 127.5) as tf.Tensor4D;
        const maps = tf.relu(tf.add(tf.conv2d(x, kernel, side, 'valid'), bias));
        return tf.matMul(tf.mean(maps, [1, 2]) as tf.Tensor2D, last);
      }),
    dispose: () => tf.dispose(parameters.map(({ variable }) => variable)),
  };
}

await loadEngine();
const encoder = patches(1);
const memory = createPrototypeMemory({ size: 20, dimension: 12 });
const loss = cosFace({ scale: 16, margin: 0.1 });
const images = tf.randomUniform<tf.Rank.R4>([8, 32, 32, 3], 0, 255, 'float32', 3);
const labels = [1, 1, 2, 2, 3, 3, 4, 4];
const optimizer = tf.train.adam(0.01);
const losses = Array.from({ length: 20 }, () => {
  const value = optimizer.minimize(
    () => tf.mean(memory.loss(encoder.apply(images, { training: true }), labels, loss)) as tf.Scalar,
    true,
    encoder.parameters.map(({ variable }) => variable),
  )!;
  return value.dataSync()[0]!;
});
console.log(losses.at(-1)! < losses[0]!); // true

await saveEncoder(encoder, 'patches.safetensors'); // safetensors, read by Python too
const again = patches(2);
restoreEncoder(again, await encoderState(encoder));

export {};
