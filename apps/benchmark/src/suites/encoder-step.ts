// One contender of the suites `encoder`: an encoder on one of our engines.
import { Random } from '@protomem/core';
import { createEncoder, type EncoderName, foldNorms } from '@protomem/encoders';
import { type EngineName, loadEngine, profileOps, variableGradients } from '@protomem/engine';
import { clipByGlobalNorm, globalNorm, sgd } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';
import { peak, resetPeak, serve } from '../serve.ts';

const [encoderName, batchText, task, engineName, precision, ...flags] = process.argv.slice(2) as [
  EncoderName,
  string,
  'train' | 'forward',
  EngineName,
  'float32' | 'bfloat16',
  ...string[],
];
const batch = Number(batchText);
const threads = flags.find((flag) => flag.startsWith('threads='))?.slice('threads='.length);
const engine = await loadEngine({ prefer: engineName, precision, ...(threads && { threads: Number(threads) }) });
const made = createEncoder(encoderName, { embeddingSize: 512, recompute: flags.includes('recompute') });
const folds = flags.includes('folded');
const encoder = folds ? foldNorms(made) : made;
if (folds) made.dispose();
const trainable = encoder.parameters.filter((parameter) => parameter.trainable);
const optimizer = sgd();
const random = new Random(0);
const noise = (...shape: number[]): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal());
const images = tf.tensor4d(noise(batch, 112, 112, 3), [batch, 112, 112, 3]);
const targets = tf.tensor2d(noise(batch, 512), [batch, 512]);

const tasks = {
  /** Forward, backward, clipping and SGD: what a step of `createTrainer` does, with a head that costs nothing. */
  async train(): Promise<void> {
    const { value, grads } = variableGradients(
      () => tf.mean(tf.squaredDifference(encoder.apply(images, { training: true }), targets)),
      trainable.map(({ variable }) => variable),
    );
    const gradients = Object.fromEntries(trainable.map(({ name, variable }) => [name, grads[variable.name]!]));
    const norm = globalNorm(gradients);
    const [normRead] = await norm.data();
    tf.tidy(() => optimizer.step(trainable, clipByGlobalNorm(gradients, normRead!, 5), 1e-3));
    // Reading a weight waits for the step to end.
    await tf.tidy(() => tf.sum(trainable[0]!.variable)).data();
    tf.dispose([value, norm, gradients]);
  },
  async forward(): Promise<void> {
    const embeddings = encoder.apply(images);
    await embeddings.data();
    embeddings.dispose();
  },
};

async function step(): Promise<number> {
  const begun = performance.now();
  await tasks[task]();
  return performance.now() - begun;
}

await step();
resetPeak();
await serve(
  { ...engine, parameters: encoder.card.parameters },
  step,
  () => ({ peakMiB: peak() / 2 ** 20 }),
  async () => (engineName === 'node' ? profileOps(tasks[task]) : []),
);
