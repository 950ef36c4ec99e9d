// One contender of the suite `peers`: a whole training step, encoder and head, on our engine.
import { createBaseline } from '@protomem/baselines';
import { lookUp, Random } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import { createEncoder, type EncoderName } from '@protomem/encoders';
import { loadEngine, variableGradients } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead } from '@protomem/memory';
import { clipByGlobalNorm, globalNorm, sgd } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';
import { peak, resetPeak, serve } from '../serve.ts';

const [name, encoderName] = process.argv.slice(2) as [string, EncoderName];
const [identities, columns, batch, classes] = process.argv.slice(4).map(Number) as [number, number, number, number];
const engine = await loadEngine({ prefer: 'node' });
const dimension = 512;
const makeEncoder = () => createEncoder(encoderName, { embeddingSize: dimension });
const loss = cosFace({ scale: 64, margin: 0.4 });
const encoder = makeEncoder();
const parameters = encoder.parameters.filter(({ trainable }) => trainable);
const random = new Random(0);
const values = Float32Array.from({ length: batch * 112 * 112 * 3 }, () => random.normal());
const images = tf.tensor4d(values, [batch, 112, 112, 3]);

const held = tf.memory().numBytes;
const make: Record<string, () => Head> = {
  'prototype-memory': full,
  'partial-fc': () => createBaseline('partial-fc', { identities, dimension, columns, loss }),
  dcq: () => createBaseline('dcq', { size: columns, dimension, loss, keyEncoder: makeEncoder() }),
};

/** With a memory that is full, as it is in all but the first part of a training. */
function full(): Head {
  const memory = createPrototypeMemory({ size: columns, dimension });
  const embeddings = tf.randomNormal<tf.Rank.R2>([512, dimension]);
  for (let first = 0; first < columns; first += 512) {
    const count = Math.min(512, columns - first);
    const labels = Array.from({ length: count }, (_, i) => first + i);
    tf.tidy(() => void memory.admit(tf.slice(embeddings, [0, 0], [count, dimension]), labels));
  }
  embeddings.dispose();
  return prototypeHead({ memory, loss });
}

const head = lookUp('bench peers', 'head', make, name)();
const headMiB = (tf.memory().numBytes - held) / 2 ** 20;
const all = [...parameters, ...head.parameters];
const optimizer = sgd();

/** What a step of `createTrainer` does, without data and logs. */
async function step(): Promise<number> {
  const chosen = Array.from({ length: classes }, () => random.below(identities));
  const labels = Array.from({ length: batch }, (_, i) => chosen[Math.floor((i * classes) / batch)]!);
  const begun = performance.now();
  const { value, grads } = variableGradients(
    () => tf.mean(head.loss(encoder.apply(images, { training: true }), labels, images)),
    all.map(({ variable }) => variable),
  );
  const gradients = Object.fromEntries(all.map(({ name, variable }) => [name, grads[variable.name]!]));
  const norm = globalNorm(gradients);
  const [normRead] = await norm.data();
  tf.tidy(() => optimizer.step(all, clipByGlobalNorm(gradients, normRead!, 5), 1e-3));
  head.afterStep?.({ encoder, learningRate: 1e-3 });
  // Reading a weight waits for the step to end.
  await tf.tidy(() => tf.sum(parameters[0]!.variable)).data();
  tf.dispose([value, norm, gradients]);
  return performance.now() - begun;
}

await step();
resetPeak();
await serve({ ...engine, identities }, step, () => ({ headMiB, peakMiB: peak() / 2 ** 20 }));
