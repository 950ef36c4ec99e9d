import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReferenceRequest } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import { registerTrainingKernels } from '@protomem/engine';
import { useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tinyEncoder, tinyHead, tinyLoader } from '../fixtures/tiny-parts.ts';
import { createTrainer } from './create-trainer.ts';
import { cosine } from './schedules.ts';
import { sgd } from './sgd.ts';
import type { TrainerOptions } from './trainer-options.ts';

const STEPS = 9;
const REENCODE = { every: 2, classes: 3, images: 2, ratio: 0.5 };

let directory: string;
beforeAll(async () => {
  await useEngine('cpu');
  registerTrainingKernels(tf.getBackend());
  directory = await mkdtemp(join(tmpdir(), 'protomem-reencode-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** A head that keeps what it is given, and a loader whose reference images tell their identity and draw. */
function run(options: Partial<TrainerOptions> = {}, readable = 6) {
  const calls: { labels: number[]; embeddings: number[]; ratio?: number }[] = [];
  const requests: ReferenceRequest[] = [];
  const head: Head = {
    ...tinyHead(),
    stalest: (count) => [5, 7, 9, 11].slice(0, count).map((id, i) => ({ id, age: i === 2 ? 0 : 10 - i })),
    refreshFrom(embeddings, labels, ratio) {
      calls.push({ labels: Array.from(labels), embeddings: Array.from(embeddings.dataSync()), ratio });
      return [...new Set(Array.from(labels))].map((id) => ({ id, age: id, cosine: id / 10 }));
    },
  };
  const loader = {
    ...tinyLoader(),
    async references(request: ReferenceRequest) {
      requests.push(request);
      const labels = request.identities.flatMap((id) => Array<number>(request.images).fill(id)).slice(0, readable);
      const pixels = Uint8Array.from({ length: labels.length * 8 * 8 * 3 }, (_, i) => (request.seed + 31 * i) % 256);
      const skipped = [{ name: 'gone.jpg', reason: 'not there' }];
      const shape = [labels.length, 8, 8, 3] as const;
      return { pixels, shape, labels: Float64Array.from(labels), names: labels.map(String), skipped };
    },
  };
  const encoder = tinyEncoder();
  const schedule = cosine({ base: 0.1, steps: STEPS });
  const trainer = createTrainer({
    ...{ encoder, head, loader, schedule, optimizer: sgd(), steps: STEPS, seed: 5, reencode: REENCODE },
    ...options,
  });
  return { trainer, encoder, head, calls, requests };
}

it('encodes the stalest anew every so many steps, says so, and counts what it could not read', async () => {
  const { trainer, encoder, calls, requests } = run();
  const statistics = encoder.parameters.find(({ trainable }) => !trainable)!.variable;
  const first = await trainer.step();
  expect(first).not.toHaveProperty('reencode/classes');
  expect(requests).toEqual([]);
  const tensors = tf.memory().numTensors;
  const found = await trainer.step();
  expect(tf.memory().numTensors).toBe(tensors);
  // The third of the stalest was written in this very step.
  expect(requests.map(({ identities, images }) => ({ identities, images }))).toEqual([
    { identities: [5, 7], images: 2 },
  ]);
  expect(calls.map(({ labels, ratio }) => ({ labels, ratio }))).toEqual([{ labels: [5, 5, 7, 7], ratio: 0.5 }]);
  expect(found).toMatchObject({
    'reencode/classes': 2,
    'reencode/images': 4,
    'reencode/unreadable_images': 1,
    'reencode/age': 6,
    'data/skipped_images': 2,
  });
  expect(found['reencode/cosine']).toBeCloseTo(0.6, 6);
  expect(found['reencode/seconds']).toBeGreaterThan(0);
  expect(trainer.skipped.get('gone.jpg')).toBe('not there');
  // The encoder's running statistics are those of two batches, as without.
  const plain = run({ reencode: undefined });
  for (let i = 0; i < 2; i++) await plain.trainer.step();
  const other = plain.encoder.parameters.find(({ trainable }) => !trainable)!.variable;
  expect(await statistics.data()).toEqual(await other.data());
});

it('is the same after a resume, bit for bit, and part of what is resumed', async () => {
  const whole = run();
  await whole.trainer.run();
  expect(whole.calls.length).toBe(4);
  const checkpoints = { directory, every: 3 };
  const first = run({ checkpoints, hooks: { onStepEnd: ({ step }) => (step === 5 ? 'stop' : undefined) } });
  await first.trainer.run();
  const second = run({ checkpoints });
  expect(await second.trainer.resume()).toBe(5);
  await second.trainer.run();
  expect([...first.calls, ...second.calls]).toEqual(whole.calls);
  await expect(run({ checkpoints, reencode: undefined }).trainer.resume()).rejects.toThrow('reencode.every: saved 2');
});

it('in parts of the encoder gives each image as many as there are', async () => {
  const { trainer, calls } = run({ encoderBatch: 2 });
  for (let i = 0; i < 2; i++) await trainer.step();
  expect(calls.map(({ labels, embeddings }) => [labels.length, embeddings.length])).toEqual([[4, 16]]);
});

it('leaves prototypes as they are where too few images can be read', async () => {
  const { trainer, calls } = run({}, 1);
  await trainer.step();
  expect(await trainer.step()).toMatchObject({ 'reencode/classes': 0, 'reencode/images': 0 });
  expect(calls).toEqual([]);
});

it('refuses a head or a loader that cannot, and a batch of one image', () => {
  expect(() => run({ head: tinyHead() })).toThrow(
    'createTrainer: stalest and refreshFrom of the head tiny-softmax is "missing"',
  );
  expect(() => run({ loader: tinyLoader() })).toThrow('references of the loader is "missing"');
  expect(() => run({ reencode: { every: 1, classes: 1, images: 1 } })).toThrow('classes times images of reencode is 1');
  expect(() => run({ reencode: { every: -1 } })).toThrow('every is -1, expected an integer >= 0');
});
