// One contender of the suite `head`: a step of a head, without an encoder, on one of our engines.
import { createBaseline } from '@protomem/baselines';
import { lookUp, Random, type TensorData } from '@protomem/core';
import type { Encoder, Head } from '@protomem/core/contracts';
import { type EngineName, loadEngine, unitRows } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, type PrototypeMemory, prototypeHead } from '@protomem/memory';
import { sgd } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';
import { peak, resetPeak, serve } from '../serve.ts';
import { median } from '../statistics.ts';

const [name, engineName] = process.argv.slice(2) as [string, EngineName];
const [columns, batch, classes, dimension] = process.argv.slice(4).map(Number) as [number, number, number, number];
const engine = await loadEngine({ prefer: engineName });
const random = new Random(0);

/** Its images are embeddings: what a head's own encoder would cost is no part of the comparison. */
const nothing = {
  card: { embeddingSize: dimension },
  parameters: [],
  apply: (images: tf.Tensor4D) => tf.reshape(images, [-1, dimension]),
};
const keyEncoder = { ...nothing, dispose: () => undefined } as unknown as Encoder;

// The library's own buffers are no head's.
tf.tidy(() => tf.matMul(tf.randomNormal([batch, dimension]), tf.randomNormal([dimension, 64])).dataSync());
const before = { resident: resetPeak(), tensors: tf.memory().numBytes };
const loss = cosFace({ scale: 64, margin: 0.4 });
const identities = name === 'full-softmax' ? columns : 2 * columns;
let memory: PrototypeMemory | undefined;
const make: Record<string, () => Head> = {
  'prototype-memory': () => full(),
  'prototype-memory-unobserved': () => full({ observedSamples: 0 }),
  'prototype-memory-bfloat16': () => full({ storage: 'bfloat16' }),
  'prototype-memory-hardest-100': () => full({ hardest: 100 }),
  'full-softmax': () => createBaseline('full-softmax', { identities, dimension, loss }),
  'partial-fc': () => createBaseline('partial-fc', { identities, dimension, columns, loss }),
  dcq: () => createBaseline('dcq', { size: columns, dimension, loss, keyEncoder }),
  'dynamic-class-pool': () =>
    createBaseline('dynamic-class-pool', { size: columns, dimension, loss, galleryEncoder: keyEncoder }),
  'semi-siamese': () => createBaseline('semi-siamese', { size: columns, dimension, loss, galleryEncoder: keyEncoder }),
};

/** A head whose memory is full. */
function full(options: Partial<Parameters<typeof createPrototypeMemory>[0]> = {}): Head {
  const made = createPrototypeMemory({ size: columns, dimension, ...options });
  const embeddings = tf.randomNormal<tf.Rank.R2>([512, dimension]);
  for (let first = 0; first < columns; first += 512) {
    const count = Math.min(512, columns - first);
    const labels = Array.from({ length: count }, (_, i) => first + i);
    tf.tidy(() => void made.admit(tf.slice(embeddings, [0, 0], [count, dimension]), labels));
  }
  embeddings.dispose();
  memory = made;
  return prototypeHead({ memory: made, loss });
}

const head = lookUp('bench head', 'head', make, name)();
if (['dcq', 'semi-siamese', 'dynamic-class-pool'].includes(name)) await fill(head);
const optimizer = sgd();

/** Fills a baseline's queue or pool by its state: to put everything in step by step would take minutes. */
async function fill(head: Head): Promise<void> {
  const { values, tensors } = await head.state();
  const column = (value: (row: number) => number): TensorData => ({
    dtype: 'F64',
    shape: [columns],
    data: Float64Array.from({ length: columns }, (_, row) => value(row)),
  });
  // A few random rows, over and over: how long a step takes does not depend on them.
  const few = tf.tidy(() => unitRows(tf.randomNormal([256, dimension])).dataSync<'float32'>());
  const features = new Float32Array(columns * dimension);
  for (let at = 0; at < features.length; at += few.length) features.set(few.subarray(0, features.length - at), at);
  const rows: TensorData = { dtype: 'F32', shape: [columns, dimension], data: features };
  const ids = column((row) => row);
  const written = column(() => 1);
  const queue = { 'queue/keys': rows, 'queue/labels': ids, 'queue/written': written };
  const at: TensorData = { dtype: 'I32', shape: [columns], data: Int32Array.from(ids.data) };
  const next: TensorData = { dtype: 'U8', shape: [columns], data: new Uint8Array(columns) };
  const pool = { 'pool/ids': ids, 'pool/columns': at, 'pool/next': next, 'pool/visited': written };
  const slots = { 'pool/slot0': rows, 'pool/slot1': rows };
  const part = 'queue' in values ? 'queue' : 'pool';
  await head.restore({
    values: { ...values, [part]: { size: columns, step: 1, ...(part === 'queue' && { next: 0 }) } },
    tensors: { ...tensors, ...(part === 'queue' ? queue : { ...pool, ...slots }) },
  });
}

/** Forward, gradients to embeddings and parameters, and the head's own update. */
function step(): number {
  const { embeddings, images, labels } = draw();
  const parameters = head.parameters.map(({ variable }) => variable);
  const begun = performance.now();
  const { grads } = tf.variableGrads(
    () => tf.mean(head.loss(embeddings as unknown as tf.Tensor2D, labels, images)),
    [embeddings, ...parameters],
  );
  const gradients = Object.fromEntries(head.parameters.map(({ name, variable }) => [name, grads[variable.name]!]));
  tf.tidy(() => optimizer.step(head.parameters, gradients, 0.1));
  head.afterStep?.({ encoder: keyEncoder, learningRate: 0.1 });
  tf.tidy(() => tf.sum(grads[embeddings.name]!).dataSync());
  const took = performance.now() - begun;
  tf.dispose([grads, embeddings, images] as tf.Tensor[]);
  return took;
}

function draw(): { embeddings: tf.Variable; images: tf.Tensor4D; labels: number[] } {
  const chosen = Array.from({ length: classes }, () => random.below(identities));
  const labels = Array.from({ length: batch }, (_, i) => chosen[Math.floor((i * classes) / batch)]!);
  const embeddings = tf.tidy(() => tf.variable(tf.randomNormal([batch, dimension])));
  const images = tf.randomNormal<tf.Rank.R4>([batch, 1, 1, dimension]);
  embeddings.dataSync();
  return { embeddings, images, labels };
}

function figures(): Record<string, number> {
  const held = (tf.memory().numBytes - before.tensors) / 2 ** 20;
  const found: Record<string, number> = { heldMiB: held, peakMiB: (peak() - before.resident) / 2 ** 20 };
  // A run has thousands: those before the functions are compiled do not count.
  if (memory) found.admitMs = median(Array.from({ length: 1000 }, admit).slice(500));
  return found;
}

function admit(): number {
  const { embeddings, images, labels } = draw();
  const begun = performance.now();
  memory!.admit(embeddings as unknown as tf.Tensor2D, labels);
  const took = performance.now() - begun;
  tf.dispose([embeddings, images]);
  return took;
}

step();
// What making and filling it took is over; the steps count.
resetPeak();
await serve({ ...engine, identities }, step, figures);
