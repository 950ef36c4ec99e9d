import { type baselines, createBaseline, type ObservableHead, type StalenessProbe } from '@protomem/baselines';
import type { Encoder, Head } from '@protomem/core/contracts';
import { classesByImages, createAugmentation, createLoader } from '@protomem/data';
import { createEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead } from '@protomem/memory';
import { syntheticFaces } from '@protomem/synthetic';
import { clipByGlobalNorm, globalNorm, oneCycle, sgd } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';
import { byOctave, label } from '../octaves.ts';
import { prototypesOf } from '../prototypes-of.ts';
import type { Measured, Suite, SuiteRun } from '../suite.ts';

const [IDENTITIES, COLUMNS, CLASSES, IMAGES, SIZE, DIMENSION] = [512, 256, 16, 4, 48, 128];
const LEARNING_RATE = 0.05;
/** Of key and gallery encoders: the published 0.99 to 0.999 belong to runs of a hundred thousand steps. */
const MOMENTUM = 0.9;
type Observed = Head & Pick<ObservableHead, 'stalenessProbe'>;

/**
 * How stale the columns of each head are, at equal columns and under the same training of one encoder: it learns from a
 * full softmax, and all heads watch. When an identity comes back, its column is compared with the prototype that the
 * present encoder makes of its images in the batch, against the steps since its images last shaped the column.
 */
export const staleness: Suite = {
  about: `cosine of a head's column to a fresh prototype, by age; ${COLUMNS} columns for ${IDENTITIES} identities`,
  async run({ quick, say }: SuiteRun) {
    const engine = await loadEngine();
    const steps = quick ? 160 : 640;
    const source = syntheticFaces({ identities: IDENTITIES, imagesPerIdentity: 20, seed: 0, size: SIZE });
    const loader = createLoader({
      source,
      sampler: classesByImages({ source, classes: CLASSES, images: IMAGES, seed: 0 }),
      height: SIZE,
      width: SIZE,
      augmentation: createAugmentation({ flip: 0.5 }),
      workers: 1,
    });
    const encoder = makeEncoder();
    const heads = makeHeads();
    const probes = new Map<string, StalenessProbe[]>(Object.keys(heads).map((name) => [name, []]));
    const optimizer = sgd();
    const schedule = oneCycle({ base: LEARNING_RATE, steps });
    const teacher = heads['full-softmax']!;
    const parameters = [...encoder.parameters, ...teacher.parameters].filter(({ trainable }) => trainable);
    const begun = performance.now();
    for (let step = 0; step < steps; step++) {
      const batch = await loader.next();
      const images = tf.tensor4d(batch.pixels, [...batch.shape], 'float32');
      let embeddings: tf.Tensor2D | undefined;
      const { value, grads } = tf.variableGrads(
        () => {
          const made = encoder.apply(images, { training: true, seed: step });
          embeddings = tf.keep(tf.clone(made));
          return tf.mean(teacher.loss(made, batch.labels));
        },
        parameters.map(({ variable }) => variable),
      );
      const gradients = Object.fromEntries(parameters.map(({ name, variable }) => [name, grads[variable.name]!]));
      const norm = globalNorm(gradients);
      const learningRate = schedule(step);
      tf.tidy(() => optimizer.step(parameters, clipByGlobalNorm(gradients, norm.dataSync()[0]!, 5), learningRate));
      // The first quarter is no steady state.
      if (step >= steps / 4) probe(heads, embeddings!, batch.labels, probes);
      for (const head of Object.values(heads)) {
        if (head !== teacher) watch(head, embeddings!, batch.labels, images);
        head.afterStep?.({ encoder, learningRate });
      }
      if ((step + 1) % 20 === 0) {
        const left = ((performance.now() - begun) / (step + 1)) * (steps - step - 1);
        const loss = value.dataSync()[0]!.toFixed(2);
        say(`step ${step + 1}/${steps}  loss ${loss}  ETA ${(left / 1000).toFixed(0)} s`);
      }
      tf.dispose([images, embeddings!, value, norm, ...Object.values(grads)]);
    }
    await loader.close();
    for (const head of Object.values(heads)) head.dispose();
    encoder.dispose();
    return { unit: 'cosine', ...summary(probes, { version: engine.version, threads: engine.threads, steps }) };
  },
};

function makeEncoder(): Encoder {
  return createEncoder('iresnet18', { inputSize: SIZE, embeddingSize: DIMENSION, width: 0.25, seed: 0 });
}

function makeHeads(): Record<string, Observed> {
  const shared = { dimension: DIMENSION, loss: cosFace({ scale: 30, margin: 0.25 }) };
  const memory = createPrototypeMemory({ size: COLUMNS, dimension: DIMENSION });
  const prototypes = prototypeHead({ memory, loss: shared.loss });
  return {
    'prototype-memory': Object.assign(prototypes, { stalenessProbe: memory.stalenessProbe.bind(memory) }),
    'full-softmax': createBaseline('full-softmax', { ...shared, identities: IDENTITIES }),
    'partial-fc': createBaseline('partial-fc', { ...shared, identities: IDENTITIES, columns: COLUMNS }),
    dcq: createBaseline('dcq', { ...shared, size: COLUMNS, momentum: MOMENTUM, keyEncoder: makeEncoder() }),
    'dynamic-class-pool': createBaseline('dynamic-class-pool', {
      ...shared,
      size: COLUMNS,
      momentum: MOMENTUM,
      galleryEncoder: makeEncoder(),
    }),
    'semi-siamese': createBaseline('semi-siamese', {
      ...shared,
      size: COLUMNS,
      momentum: MOMENTUM,
      galleryEncoder: makeEncoder(),
    }),
  } satisfies Partial<Record<keyof typeof baselines | 'prototype-memory', Observed>>;
}

/** A head's step that changes nothing but the head. */
function watch(head: Head, embeddings: tf.Tensor2D, labels: ArrayLike<number>, images: tf.Tensor4D): void {
  tf.dispose(tf.grad((e) => tf.mean(head.loss(e as tf.Tensor2D, labels, images)))(embeddings));
}

function probe(
  heads: Readonly<Record<string, Observed>>,
  embeddings: tf.Tensor2D,
  labels: ArrayLike<number>,
  probes: ReadonlyMap<string, StalenessProbe[]>,
): void {
  const ids = [...new Set(Array.from(labels))];
  const fresh = tf.tidy(() => prototypesOf(embeddings, labels, ids));
  for (const [name, head] of Object.entries(heads)) probes.get(name)!.push(...head.stalenessProbe(fresh, ids));
  fresh.dispose();
}

/** Ages by octave, and the drift, 1 - cosine, of Prototype Memory over that of each baseline in the octaves of both. */
function summary(probes: ReadonlyMap<string, readonly StalenessProbe[]>, about: Readonly<Record<string, unknown>>) {
  const contenders: Record<string, Measured> = {};
  const ratios: Record<string, number> = {};
  const curves = new Map([...probes].map(([name, found]) => [name, byOctave(found)]));
  for (const [name, curve] of curves) {
    const figures = Object.fromEntries([...curve].map(([octave, { cosine }]) => [label(octave), cosine]));
    contenders[name] = { about, figures };
  }
  const ours = curves.get('prototype-memory')!;
  for (const [name, curve] of curves) {
    for (const [octave, { cosine }] of name === 'prototype-memory' ? [] : curve) {
      const own = ours.get(octave);
      if (own) ratios[`prototype-memory/${name}@${label(octave)}`] = (1 - own.cosine) / (1 - cosine);
    }
  }
  const notes = [
    'A fresh prototype is made from the images of the batch, others than those that shaped the column, so that no column ' +
      'reaches 1. A weight that is learnt, as full softmax and Partial FC have it, is no prototype: its cosine is lower from ' +
      `the first, and does not fall with age. Second encoders (dcq, dynamic-class-pool, semi-siamese) follow with momentum ${MOMENTUM}.`,
  ];
  const reading = 'of 1 - cosine: below 1, the first is nearer to the fresh prototype';
  return { cases: { 'cosine by age in steps': contenders }, ratios, reading, notes, absent: [] };
}
