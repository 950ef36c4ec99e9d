// One contender of the suite `cluster`: training whose batch several processes share, or a part of its step alone. The process
// that is asked is rank 0; it starts the others, which take a step whenever it does.
import { spawn } from 'node:child_process';
import { type Loader, Random } from '@protomem/core';
import type { Encoder, Head, Parameter } from '@protomem/core/contracts';
import { freePort, joinAddress } from '@protomem/core/node';
import { createEncoder, type EncoderName } from '@protomem/encoders';
import { collective, loadEngine, variableGradients } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead } from '@protomem/memory';
import { createTrainer, sgd } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';
import { FROM_SOURCE } from '../contender.ts';
import { serve } from '../serve.ts';
import { median } from '../statistics.ts';

/** What a contender is, as JSON on its command line. */
export interface ClusterTask {
  /** A step of a trainer; its encoder alone, forward and back; its head alone; an all-reduce of so many bytes. */
  readonly part: 'step' | 'encoder' | 'head' | { readonly bytes: number };
  readonly encoder: EncoderName;
  readonly inputSize: number;
  /** Of all ranks together. */
  readonly batch: number;
  readonly slots: number;
  readonly dimension: number;
  readonly threads: number;
  readonly synchronizeNorms?: boolean;
  readonly compressGradients?: boolean;
  /** Where each rank runs: what stands before its command, such as `ip netns exec NAME`, and its address. */
  readonly places: readonly { readonly before: readonly string[]; readonly host: string }[];
}

/** What rank 0 tells the others. */
interface Place {
  readonly rank: number;
  readonly addresses: readonly string[];
}

const task = JSON.parse(process.argv[2]!) as ClusterTask;
const { batch, inputSize, slots, dimension, threads, places } = task;
const place = process.argv[3] ? (JSON.parse(process.argv[3]) as Place) : await startOthers();
const { rank } = place;
const size = places.length;
const engine = await loadEngine({ prefer: 'node', threads, cluster: { ...place, timeoutSeconds: 3600 } });
const shares: number[] = [];
let gradientBytes: number | undefined;
const work = typeof task.part === 'object' ? reducing(task.part.bytes) : { step, encoder, head }[task.part]();

await timedStep();
while (rank > 0) await timedStep();
await serve({ ...engine, ranks: size, gradientBytes }, timedStep, figures);

/** @returns the place of this process; never, where rank 0 is another one, which speaks through it */
async function startOthers(): Promise<Place> {
  // What is free in another network this process can't ask; nobody but other contenders is there.
  const elsewhere = 20_000 + (process.pid % 10_000);
  const ports = await Promise.all(places.map(({ before }) => (before.length > 0 ? elsewhere : freePort('127.0.0.1'))));
  const addresses = places.map(({ host }, i) => joinAddress(host, ports[i]!));
  for (const [rank, { before }] of places.entries()) {
    if (rank === 0 && before.length === 0) continue;
    const own = JSON.stringify({ rank, addresses } satisfies Place);
    const [command, ...args] = [...before, process.execPath, ...FROM_SOURCE, ...process.argv.slice(1, 3), own];
    const child = spawn(command!, args, { stdio: rank === 0 ? 'inherit' : ['ignore', 'ignore', 'inherit'] });
    if (rank === 0) child.once('exit', (code) => process.exit(code ?? 1));
  }
  return places[0]!.before.length === 0 ? { rank: 0, addresses } : new Promise(() => undefined);
}

function figures(): Record<string, number> {
  return shares.length > 0 ? { waitingShare: median(shares) } : {};
}

async function timedStep(): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** The same images, of people with two each; who they are changes, so that the memory has work. */
function made(own: number): Loader {
  const random = new Random(1, rank);
  const pixels = Uint8Array.from({ length: own * inputSize * inputSize * 3 }, () => random.uint32());
  let step = 0;
  return {
    batchSize: own,
    batchesPerEpoch: 1000,
    async next() {
      const labels = labelsOf(step++).subarray(rank * own, (rank + 1) * own);
      return { pixels, shape: [own, inputSize, inputSize, 3], labels, names: Array.from(labels, String), skipped: [] };
    },
    close: async () => undefined,
    state: () => ({ values: {}, tensors: {} }),
    restore: () => undefined,
  };
}

function labelsOf(step: number): Float64Array {
  return Float64Array.from({ length: batch }, (_, i) => Math.floor((step * batch + i) / 2) % (2 * slots));
}

function newEncoder(): { own: Encoder; trainable: readonly Parameter[] } {
  const own = createEncoder(task.encoder, { embeddingSize: dimension, inputSize });
  const trainable = own.parameters.filter((parameter) => parameter.trainable);
  gradientBytes = trainable.reduce((sum, { variable }) => sum + 4 * variable.size, 0);
  return { own, trainable };
}

function newHead(): Head {
  return prototypeHead({
    memory: createPrototypeMemory({ size: slots, dimension }),
    loss: cosFace({ scale: 16, margin: 0.2 }),
  });
}

function step(): () => Promise<void> {
  const { own, trainable } = newEncoder();
  const trainer = createTrainer({
    ...{ encoder: own, head: newHead(), loader: made(batch / size), optimizer: sgd(), clipNorm: 5, steps: 1e9 },
    schedule: () => 1e-4,
    synchronizeNorms: task.synchronizeNorms,
    compressGradients: task.compressGradients,
    collective: collective(),
  });
  return async () => {
    const { 'speed/ranks_share': share } = await trainer.step();
    if (share !== undefined) shares.push(share);
    await tf.tidy(() => tf.sum(trainable[0]!.variable)).data();
  };
}

function encoder(): () => Promise<void> {
  const { own, trainable } = newEncoder();
  const optimizer = sgd();
  const images = tf.randomUniform<tf.Rank.R4>([batch, inputSize, inputSize, 3], 0, 255, 'float32', 1);
  return async () => {
    const { value, grads } = variableGradients(
      () => tf.mean(tf.square(own.apply(images, { training: true }))),
      trainable.map(({ variable }) => variable),
    );
    const gradients = Object.fromEntries(trainable.map(({ name, variable }) => [name, grads[variable.name]!]));
    tf.tidy(() => optimizer.step(trainable, gradients, 1e-4));
    await tf.tidy(() => tf.sum(trainable[0]!.variable)).data();
    tf.dispose([value, gradients]);
  };
}

function head(): () => Promise<void> {
  const own = newHead();
  const embeddings = tf.randomNormal<tf.Rank.R2>([batch, dimension], 0, 1, 'float32', 1);
  let steps = 0;
  return async () => {
    const labels = labelsOf(steps++);
    const gradient = tf.grad((x) => tf.mean(own.loss(x as tf.Tensor2D, labels)))(embeddings);
    await gradient.data();
    gradient.dispose();
  };
}

/** What gradients do on their way. */
function reducing(bytes: number): () => Promise<void> {
  const given = tf.ones([bytes / 4]);
  return async () => {
    const [sum] = collective().allReduce([given], 'sum');
    await tf.tidy(() => tf.sum(sum!)).data();
    sum!.dispose();
  };
}
