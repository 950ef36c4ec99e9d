import { option } from '@protomem/core';
import {
  convolution,
  createEncoder,
  defineEncoder,
  encoders,
  type Layer,
  norm,
  prelu,
  saveEncoder,
} from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { exportEncoder } from '@protomem/export';
import * as tf from '@tensorflow/tfjs';

const block = (name: string, channels: number): Layer => ({
  kind: 'residual',
  body: [
    convolution(`${name}.conv`, channels, channels, { kernel: 3, std: 0.1 }),
    norm(`${name}.bn`, channels),
    prelu(`${name}.prelu`, channels),
    {
      kind: 'gate',
      of: 'sigmoid',
      body: [
        convolution(`${name}.squeeze`, channels, channels / 4, { kernel: 1, std: 0.1 }),
        { kind: 'activation', of: 'relu' },
        convolution(`${name}.excite`, channels / 4, channels, { kernel: 1, std: 0.1 }),
      ],
    },
  ],
  shortcut: [],
});

const mine = defineEncoder({
  name: 'mine',
  embeddingSize: 32,
  normalization: { mean: 127.5, std: 127.5 },
  source: 'ours',
  options: { blocks: option.integer({ help: 'Residual blocks.', min: 1, max: 100, default: 2 }) },
  layers: ({ inputSize: [height, width], embeddingSize, width: times, blocks }) => {
    const channels = 8 * Math.max(1, Math.round(2 * times));
    return [
      convolution('conv1', 3, channels, { kernel: 3, stride: 2, std: 0.1 }),
      norm('bn1', channels),
      prelu('prelu', channels),
      ...Array.from({ length: blocks }, (_, i) => block(`blocks.${i}`, channels)),
      {
        kind: 'dense',
        name: 'fc',
        inputs: [Math.ceil(height / 2), Math.ceil(width / 2), channels],
        outputs: embeddingSize,
      },
      norm('features', embeddingSize, false),
    ];
  },
});

await loadEngine();
const registry = { ...encoders, mine };
console.log(mine.card({ inputSize: 32 }).parameters); // 136608

const encoder = mine({ inputSize: 32, blocks: 3, seed: 1 });
const images = tf.randomUniform<tf.Rank.R4>([4, 32, 32, 3], 0, 255, 'float32', 1);
encoder.apply(images, { training: true }).dispose(); // running statistics follow

await saveEncoder(encoder, 'mine.safetensors');
const { agreement } = await exportEncoder('mine.safetensors', 'mine.onnx', { to: 'onnx', images: 4 }, registry);
console.log(agreement.lowest >= 0.9999); // true
createEncoder('mine', { inputSize: 32 }, registry).dispose();

export {};
