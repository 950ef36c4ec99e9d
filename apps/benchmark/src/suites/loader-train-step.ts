// One contender of the suite `loader`: training steps fed by the loader, or by one batch over and over.
import { setImmediate } from 'node:timers/promises';
import type { Loader } from '@protomem/core';
import { classesByImages, createAugmentation, createLoader, folderSource } from '@protomem/data';
import { createEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead } from '@protomem/memory';
import { createTrainer, sgd } from '@protomem/training';
import { serve } from '../serve.ts';

const [dir, mode, batchText, stepsText] = process.argv.slice(2) as [string, 'loader' | 'one batch', string, string];
const [batch, steps] = [Number(batchText), Number(stepsText)];
const prefetch = 2;
const engine = await loadEngine({ prefer: 'auto' });
const source = await folderSource(dir);
const ours = createLoader({
  source,
  sampler: classesByImages({ source, classes: batch / 2, images: 2 }),
  height: 112,
  width: 112,
  augmentation: createAugmentation({ shift: 4 / 112, brightness: 0.2, contrast: 0.2, saturation: 0.2 }),
  prefetch,
});
const first = await ours.next();
let waited = 0;
const loader: Loader = {
  ...ours,
  async next() {
    if (mode === 'one batch') return first;
    const begun = performance.now();
    const next = await ours.next();
    waited += performance.now() - begun;
    return next;
  },
};
if (mode === 'one batch') await ours.close();
const dimension = 128;
const memory = createPrototypeMemory({ size: 512, dimension });
const trainer = createTrainer({
  encoder: createEncoder('mobile-face-net', { embeddingSize: dimension, width: 0.5, seed: 0 }),
  head: prototypeHead({ memory, loss: cosFace() }),
  loader,
  optimizer: sgd(),
  schedule: () => 0.01,
  steps: Number.MAX_SAFE_INTEGER,
  clipNorm: 5,
});
let share = 0;

async function run(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await trainer.step();
    // As `trainer.run` does between steps.
    await setImmediate();
  }
}

async function step(): Promise<number> {
  // Those that lie ready since the other contender's turn would make the wait look short.
  await run(prefetch + 1);
  waited = 0;
  const begun = performance.now();
  await run(steps);
  const ms = performance.now() - begun;
  share = waited / ms;
  return ms / steps;
}

await step();
await serve(engine, step, () => ({ waitingShare: share }));
