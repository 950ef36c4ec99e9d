/**
 * An encoder of your own, any `tf.LayersModel`, trained with the memory:
 * `npx tsx --conditions=@protomem/source examples/own-encoder.ts`. Writes `encoder.safetensors`.
 */
import { classesByImages, createLoader } from '@protomem/data';
import { fromLayersModel, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead } from '@protomem/memory';
import { syntheticFaces } from '@protomem/synthetic';
import { adamW, constant, createTrainer } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';

await loadEngine();
const { conv2d, dense, globalAveragePooling2d } = tf.layers;
const relu = { activation: 'relu', kernelSize: 3, strides: 2 } as const;
const model = tf.sequential({
  name: 'mine',
  layers: [
    conv2d({ name: 'conv1', inputShape: [32, 32, 3], filters: 16, ...relu }),
    conv2d({ name: 'conv2', filters: 32, ...relu }),
    globalAveragePooling2d({ name: 'pool' }),
    dense({ name: 'embedding', units: 16 }),
  ],
});
const encoder = fromLayersModel(model, { normalization: { mean: 127.5, std: 127.5 } });

const source = syntheticFaces({ identities: 1000, imagesPerIdentity: 20, seed: 1 });
const sampler = classesByImages({ source, classes: 8, images: 4, seed: 1 });
const loader = createLoader({ source, sampler, height: 32, width: 32 });
const losses: number[] = [];
const trainer = createTrainer({
  ...{ encoder, loader, steps: 30 },
  head: prototypeHead({
    memory: createPrototypeMemory({ size: 200, dimension: 16 }),
    loss: cosFace({ scale: 16, margin: 0.1 }),
  }),
  optimizer: adamW({}),
  schedule: constant({ base: 0.003 }),
  loggers: [{ log: (metrics) => void losses.push(metrics['train/loss']!), close: async () => undefined }],
});
await trainer.run();
await loader.close();
await saveEncoder(encoder, 'encoder.safetensors');
console.log(
  `${encoder.card.name}: ${encoder.card.parameters} parameters, ${losses.length} losses, all finite: ${losses.every(Number.isFinite)}`,
);
