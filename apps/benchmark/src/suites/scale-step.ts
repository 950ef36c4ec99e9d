// One contender of the suite `scale`: ten steps of a head over N identities, fed with embeddings that drift.
import { partialFc } from '@protomem/baselines';
import { Random, type State } from '@protomem/core';
import type { Encoder, Head } from '@protomem/core/contracts';
import { groupIterateAndShuffle } from '@protomem/data';
import { loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, type PrototypeMemory, prototypeHead } from '@protomem/memory';
import * as tf from '@tensorflow/tfjs';
import { serve } from '../serve.ts';
import { median } from '../statistics.ts';

const [name] = process.argv.slice(2) as [string];
const [identities, columns, batch, classes, dimension] = process.argv.slice(3).map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const engine = await loadEngine({ prefer: 'node' });
const encoder = {} as Encoder;
const loss = cosFace();
/**
 * Groups of a quarter of the memory: their four rounds pass several times in what is timed, so that its steps refresh and
 * enqueue in the proportion of long training.
 */
const sampler = groupIterateAndShuffle({
  source: { name: 'made up', identities, imagesOf: () => 8 },
  groupSize: columns / 4,
  rounds: 4,
  classes,
  images: batch / classes,
  seed: 7,
});
const hits: number[] = [];

/**
 * Embeddings as an encoder in training gives them: an identity's direction, a drift that all share and that turns a
 * little with every step, and noise.
 */
function draw(step: number): { embeddings: tf.Tensor2D; labels: number[] } {
  const labels = sampler.next().map(({ identity }) => identity);
  const noise = new Random(1, step);
  const directions = new Map(labels.map((id) => [id, new Random(2, id % 2 ** 32, Math.floor(id / 2 ** 32))]));
  const vectors = new Map([...directions].map(([id, random]) => [id, normals(random)]));
  const [a, b] = [normals(new Random(3)), normals(new Random(4))];
  const values = labels.flatMap((id) =>
    vectors
      .get(id)!
      .map((v, d) => v + 0.5 * (Math.cos(step / 500) * a[d]! + Math.sin(step / 500) * b[d]!) + 0.5 * noise.normal()),
  );
  return { embeddings: tf.tensor2d(values, [batch, dimension]), labels };
}

function normals(random: Random): number[] {
  return Array.from({ length: dimension }, () => random.normal());
}

let memory: PrototypeMemory | undefined;
let head: Head;
if (name === 'prototype-memory') {
  memory = createPrototypeMemory({ size: columns, dimension });
  head = prototypeHead({ memory, loss });
  // Full, and in the middle of its life.
  for (let step = 0; memory.occupied < columns; step++) {
    const { embeddings, labels } = draw(step);
    memory.admit(embeddings, labels);
    embeddings.dispose();
  }
} else {
  head = partialFc({ identities, dimension, columns, loss });
}

let steps = 1000;
/** Mean of ten, each with a batch of its own that was made before. */
function step(): number {
  let took = 0;
  for (let i = 0; i < 10; i++) {
    const { embeddings, labels } = draw(steps++);
    const begun = performance.now();
    const gradient = tf.grad((e) => tf.mean(head.loss(e as tf.Tensor2D, labels)))(embeddings);
    head.afterStep?.({ encoder, learningRate: 0.1 });
    tf.tidy(() => tf.sum(gradient).dataSync());
    took += performance.now() - begun;
    if (memory) hits.push(memory.metrics().hitRate!);
    tf.dispose([gradient, embeddings]);
  }
  return took / 10;
}

function figures(): Record<string, number> {
  const residentMiB = process.memoryUsage.rss() / 2 ** 20;
  if (!memory) return { residentMiB, heldMiB: tf.memory().numBytes / 2 ** 20 };
  const admits = Array.from({ length: 200 }, () => {
    const { embeddings, labels } = draw(steps++);
    const begun = performance.now();
    memory.admit(embeddings, labels);
    const took = performance.now() - begun;
    embeddings.dispose();
    return took;
  });
  const hitRate = hits.reduce((a, b) => a + b, 0) / hits.length;
  return { residentMiB, heldMiB: bytesOf(memory.state()) / 2 ** 20, admitMs: median(admits), hitRate };
}

/** Everything that the head's future depends on. */
function bytesOf({ values, tensors }: State): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, JSON.stringify(values).length);
}

step();
await serve({ ...engine, identities }, step, figures);
