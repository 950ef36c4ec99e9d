/**
 * Training from real parts, each of which may be yours: `npx tsx --conditions=@protomem/source examples/train-parts.ts`. Writes
 * `faces` and `run`.
 */
import { existsSync } from 'node:fs';
import { classesByImages, createAugmentation, createLoader, openDataset, writeDataset } from '@protomem/data';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { pairScores, verification } from '@protomem/evaluation';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead } from '@protomem/memory';
import { embedImages, openModel } from '@protomem/protocols';
import { syntheticFaces } from '@protomem/synthetic';
import { cosine, createTrainer, sgd } from '@protomem/training';

await loadEngine();
const side = 32;
const steps = 30;

// Yours: a folder with one folder of aligned images a person, RecordIO, WebDataset, LMDB or a list.
if (!existsSync('faces')) {
  await writeDataset(syntheticFaces({ identities: 60, imagesPerIdentity: 8, seed: 1 }), 'faces', {
    format: 'recordio',
  });
}
const source = await openDataset('faces');
const loader = createLoader({
  ...{ source, height: side, width: side },
  sampler: classesByImages({ source, classes: 8, images: 4, seed: 1 }),
  augmentation: createAugmentation({ shift: 0.04, brightness: 0.2 }),
});
const encoder = createEncoder('mobile-face-net', { inputSize: side, embeddingSize: 32, width: 0.25, seed: 1 });
const memory = createPrototypeMemory({ size: 60, dimension: 32, refreshRatio: 0.5 });
const trainer = createTrainer({
  ...{ encoder, loader, steps },
  head: prototypeHead({ memory, loss: cosFace({ scale: 20, margin: 0.2 }) }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  schedule: cosine({ base: 0.05, warmup: 5, steps }),
  clipNorm: 5,
  checkpoints: { directory: 'run/checkpoints', every: 15 },
});
await trainer.resume(); // goes on where an earlier run was stopped
await trainer.run();
await loader.close();
await saveEncoder(encoder, 'run/encoder.safetensors');

// People it has never seen, two images each: one pair of each person, one of each with the next.
const strangers = syntheticFaces({ identities: 100, imagesPerIdentity: 2, seed: 1, firstIdentity: 60 });
const model = await openModel('run/encoder.safetensors');
const embeddings: number[] = [];
for await (const { values } of embedImages(model, strangers, { flip: false, batch: 64 })) embeddings.push(...values);
await model.dispose();
const pairs = Array.from({ length: 100 }, (_, i) => [2 * i, 2 * i + 1, 2 * i, (2 * i + 3) % 200]).flat();
const scores = pairScores(Float32Array.from(embeddings), model.embeddingSize, pairs);
const same = Array.from(scores, (_, i) => i % 2 === 0);
const { accuracy } = verification(scores, same, { folds: 10 });
console.log(`${steps} steps; accuracy on ${same.length} pairs of people never seen: ${(100 * accuracy).toFixed(1)} %`);
