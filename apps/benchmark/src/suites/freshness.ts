import type { StalenessProbe } from '@protomem/baselines';
import type { Loader, Sampler } from '@protomem/core';
import { classesByImages, createAugmentation, createLoader, groupIterateAndShuffle } from '@protomem/data';
import { createEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import {
  createPrototypeMemory,
  type PrototypeMemory,
  type PrototypeMemoryOptions,
  prototypeHead,
} from '@protomem/memory';
import { syntheticFaces } from '@protomem/synthetic';
import {
  clipByGlobalNorm,
  createReencoder,
  createTrainer,
  globalNorm,
  oneCycle,
  type ReencodeOptions,
  sgd,
  type Trainer,
} from '@protomem/training';
import * as tf from '@tensorflow/tfjs';
import { byOctave, label } from '../octaves.ts';
import { prototypesOf } from '../prototypes-of.ts';
import type { Measured, Suite, SuiteRun } from '../suite.ts';

const [SLOTS, CLASSES, IMAGES, SIZE, DIMENSION] = [256, 16, 4, 32, 128];
const LEARNING_RATE = 0.1;
/** Of a bin, for it to be the youngest or the oldest. */
const LEAST_COUNT = 30;
const OTHER_IMAGES = 'other images, present encoder';

type Variant = Partial<PrototypeMemoryOptions> & { readonly reencode?: ReencodeOptions };

/** One choice at a time beside the demo's, `blend` with 0.5. */
const variants: Readonly<Record<string, Variant>> = {
  'blend 0.2 (default of the memory)': { refreshRatio: 0.2 },
  'blend 0.5 (demo)': { refreshRatio: 0.5 },
  replace: { refresh: 'replace' },
  'age-aware 0.2': { refresh: 'age-aware', refreshRatio: 0.2 },
  'by-similarity': { refresh: 'by-similarity' },
  'blend 0.5, drift compensation 1': { refreshRatio: 0.5, driftCompensation: 1 },
  're-encoding 32 x 2 every 4': { refreshRatio: 0.5, reencode: { every: 4, classes: 32, images: 2 } },
  're-encoding 32 x 2 every 4, ratio 0.5': {
    refreshRatio: 0.5,
    reencode: { every: 4, classes: 32, images: 2, ratio: 0.5 },
  },
  're-encoding 32 x 4 every 4': { refreshRatio: 0.5, reencode: { every: 4, classes: 32, images: 4 } },
};

/** How classes come back, from soon to late. */
const orders: Readonly<Record<string, { readonly identities: number; readonly groupSize?: number }>> = {
  'groups of 64, 4 rounds': { identities: 100_000, groupSize: 64 },
  [`groups of ${SLOTS}, 4 rounds (as the demo, which has 512)`]: { identities: 100_000, groupSize: SLOTS },
  'every class in turn, 512 identities': { identities: 512 },
};

/**
 * What keeps prototypes fresh. One encoder learns from one memory (`blend` with 0.5), and memories that differ in one choice
 * watch, so that all are asked about the same embeddings; then two trainers take turns, with and without re-encoding, for
 * its cost.
 */
export const freshness: Suite = {
  about: `what keeps stored prototypes near to fresh ones; ${SLOTS} slots`,
  async run({ quick, say }: SuiteRun) {
    const engine = await loadEngine();
    const steps = quick ? 64 : 240;
    const about = { version: engine.version, threads: engine.threads };
    const cases: Record<string, Record<string, Measured>> = {};
    const ratios: Record<string, number> = {};
    for (const [order, of] of Object.entries(orders)) {
      const probes = await watch(of, steps, (text) => say(`${order}: ${text}`));
      cases[`cosine by age in steps: ${order}`] = Object.fromEntries(
        Object.entries(probes).map(([name, found]) => [name, { about, figures: figuresOf(name, found) }]),
      );
      const rows = Object.entries(probes).filter(([name]) => name !== OTHER_IMAGES);
      const ends = endsOf(rows.map(([, found]) => found));
      for (const [i, [name]] of rows.entries()) {
        if (ends) ratios[`${name}, ${order}: ${ends.name}`] = ends.ratios[i]!;
      }
    }
    cases['a training step, in turns'] = await cost(quick ? 32 : 96, about, say);
    const times = cases['a training step, in turns'];
    for (const name of Object.keys(times).slice(1)) {
      ratios[`ms a step, ${name} / without`] = times[name]!.figures!.ms! / times.without!.figures!.ms!;
    }
    const notes = [
      ...(quick ? ['In a short run the encoder moves fast.'] : []),
      'Stalest are the classes that no batch has had for longest: where groups are smaller than the memory, re-encoding goes to those of groups gone by, and classes of the present group are as without.',
      `Cosines are means over the last three quarters of ${steps} steps, between a stored prototype and that of the ` +
        `${IMAGES} images of the class in a batch, before the batch is admitted; age: steps since the prototype was written. "${OTHER_IMAGES}": what ` +
        `${IMAGES} other images of the class make with the encoder of that very step, so that nothing is stale: the rest to 1 is the ` +
        'difference between images, and bounds all rows at this number of images. One encoder (IResNet-18 of width 0.25, ' +
        `${SIZE}x${SIZE}, CosFace 30 / 0.35, one-cycle SGD to ${LEARNING_RATE}), one seed.`,
      'Times are means over steps that took turns on a machine that others use too: read their ratios only. Images of the last ' +
        'table are ready in memory: reading and decoding of reference images comes on top.',
    ];
    return {
      unit: 'cosine',
      cases,
      ratios,
      reading: 'cosine at the oldest age over that at the youngest: 1 is as fresh; then ratios of time',
      notes,
      absent: [],
    };
  },
};

function makeLoader({ identities, groupSize }: (typeof orders)[string]): Loader {
  const drawn = syntheticFaces({ identities, imagesPerIdentity: 8, seed: 0, size: SIZE });
  // Many ask for the same images, and drawing them is not what is measured.
  const cache = new Map<string, ReturnType<NonNullable<typeof drawn.draw>>>();
  const draw: typeof drawn.draw = (identity, image, height, width) => {
    const key = `${identity}/${image}`;
    const found = cache.get(key) ?? drawn.draw!(identity, image, height, width);
    cache.set(key, found);
    return found;
  };
  const { spec: _, ...rest } = drawn;
  const source = { ...rest, draw };
  const shared = { source, classes: CLASSES, images: IMAGES, seed: 0 };
  const sampler: Sampler = groupSize
    ? groupIterateAndShuffle({ ...shared, groupSize, rounds: 4 })
    : classesByImages(shared);
  const augmentation = createAugmentation({
    flip: 0.5,
    shift: 0.04,
    zoom: 0.05,
    rotate: 5,
    brightness: 0.2,
    contrast: 0.2,
  });
  return createLoader({ source, sampler, height: SIZE, width: SIZE, augmentation, workers: 0 });
}

const makeEncoder = () =>
  createEncoder('iresnet18', { inputSize: SIZE, embeddingSize: DIMENSION, width: 0.25, seed: 0 });

const loss = cosFace({ scale: 30, margin: 0.35 });

function makeMemory({ reencode: _, ...options }: Variant): PrototypeMemory {
  return createPrototypeMemory({ size: SLOTS, dimension: DIMENSION, observedSamples: 0, ...options });
}

/** Trains, and asks every variant of each batch's classes before it is admitted. */
async function watch(order: (typeof orders)[string], steps: number, say: (text: string) => void) {
  const loader = makeLoader(order);
  const encoder = makeEncoder();
  const teacher = prototypeHead({ memory: makeMemory({ refreshRatio: 0.5 }), loss });
  const memories = Object.entries(variants).map(([name, variant]) => {
    const memory = makeMemory(variant);
    const head = {
      name,
      stalest: (count: number) => memory.stalest(count),
      refreshFrom: (embeddings: tf.Tensor2D, labels: ArrayLike<number>, ratio?: number) =>
        memory.refreshFrom(embeddings, labels, ratio),
    };
    const parts = { encoder, head, loader, encoderBatch: 256, seed: 0 };
    return { name, memory, reencoder: createReencoder('freshness', variant.reencode ?? {}, parts) };
  });
  const probes: Record<string, StalenessProbe[]> = { [OTHER_IMAGES]: [] };
  for (const name of Object.keys(variants)) probes[name] = [];
  const optimizer = sgd();
  const schedule = oneCycle({ base: LEARNING_RATE, steps, warmup: Math.round(steps / 10) });
  const parameters = encoder.parameters.filter(({ trainable }) => trainable);
  for (let step = 0; step < steps; step++) {
    const batch = await loader.next();
    const ids = [...new Set(batch.labels)];
    const isLooked = step >= steps / 4;
    const others =
      isLooked && step % 8 === 0
        ? await loader.references!({ identities: ids, images: IMAGES, seed: step })
        : undefined;
    const value = tf.tidy(() => {
      let embeddings: tf.Tensor2D;
      const { value, grads } = tf.variableGrads(
        () => {
          const made = encoder.apply(tf.tensor4d(batch.pixels, [...batch.shape], 'float32'), {
            training: true,
            seed: step,
          });
          embeddings = tf.keep(tf.clone(made));
          return tf.mean(teacher.loss(made, batch.labels));
        },
        parameters.map(({ variable }) => variable),
      );
      const fresh = prototypesOf(embeddings!, batch.labels, ids);
      if (others) {
        const made = encoder.apply(tf.tensor4d(others.pixels, [...others.shape], 'float32'), {
          training: true,
          seed: step,
        });
        const cosines = tf.sum(tf.mul(prototypesOf(made, others.labels, ids), fresh), 1).dataSync();
        probes[OTHER_IMAGES]!.push(...ids.map((id, i) => ({ id, age: 0, cosine: cosines[i]! })));
      }
      for (const { name, memory } of memories) {
        if (isLooked) probes[name]!.push(...memory.stalenessProbe(fresh, ids));
        memory.admit(embeddings!, batch.labels);
      }
      const gradients = Object.fromEntries(parameters.map(({ name, variable }) => [name, grads[variable.name]!]));
      const norm = globalNorm(gradients).dataSync()[0]!;
      optimizer.step(parameters, clipByGlobalNorm(gradients, norm, 5), schedule(step));
      embeddings!.dispose();
      return value.dataSync()[0]!;
    });
    for (const { reencoder } of memories) await reencoder(step + 1);
    if ((step + 1) % 20 === 0) say(`step ${step + 1}/${steps}  loss ${value.toFixed(2)}`);
  }
  await loader.close();
  for (const { memory } of memories) memory.dispose();
  teacher.dispose();
  encoder.dispose();
  return probes;
}

function figuresOf(name: string, probes: readonly StalenessProbe[]): Record<string, number> {
  if (name === OTHER_IMAGES) return { 'any age': mean(probes.map(({ cosine }) => cosine)) };
  return Object.fromEntries([...byOctave(probes)].map(([octave, { cosine }]) => [label(octave), cosine]));
}

/** The oldest bin over the youngest, of those in which every row has looks enough. */
function endsOf(
  rows: readonly (readonly StalenessProbe[])[],
): { readonly name: string; readonly ratios: readonly number[] } | undefined {
  const bins = rows.map(byOctave);
  const common = [...bins[0]!.keys()].filter((octave) =>
    bins.every((of) => (of.get(octave)?.count ?? 0) >= LEAST_COUNT),
  );
  const [first, last] = [common[0], common.at(-1)];
  if (first === undefined || last === undefined || first === last) return undefined;
  return {
    name: `${label(last)} / ${label(first)}`,
    ratios: bins.map((of) => of.get(last)!.cosine / of.get(first)!.cosine),
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Trainers that differ in re-encoding alone, a step each in turn. */
async function cost(
  steps: number,
  about: Measured['about'],
  say: (text: string) => void,
): Promise<Record<string, Measured>> {
  const contenders: Readonly<Record<string, ReencodeOptions | undefined>> = {
    without: undefined,
    '32 x 2 every 4': { every: 4, classes: 32, images: 2 },
    '32 x 2 every 16': { every: 16, classes: 32, images: 2 },
  };
  const made = Object.entries(contenders).map(([name, reencode]) => {
    const loader = makeLoader({ identities: SLOTS, groupSize: SLOTS });
    const encoder = makeEncoder();
    const memory = makeMemory({ refreshRatio: 0.5 });
    const head = prototypeHead({ memory, loss });
    const schedule = oneCycle({ base: LEARNING_RATE, steps, warmup: Math.round(steps / 10) });
    const trainer: Trainer = createTrainer({
      encoder,
      head,
      loader,
      reencode,
      optimizer: sgd(),
      schedule,
      steps,
      clipNorm: 5,
    });
    return { name, trainer, loader, encoder, head, memory, seconds: [] as number[], cosines: [] as number[] };
  });
  for (let step = 0; step < steps; step++) {
    // Each goes first as often as the others.
    for (let i = 0; i < made.length; i++) {
      const one = made[(step + i) % made.length]!;
      const begun = performance.now();
      const found = await one.trainer.step();
      // Each image is drawn once, in the first round: not what is measured.
      if (step >= steps / 4) one.seconds.push((performance.now() - begun) / 1000);
      if (found['reencode/cosine'] !== undefined) one.cosines.push(found['reencode/cosine']);
    }
    if ((step + 1) % 12 === 0) say(`cost: step ${step + 1}/${steps}`);
  }
  const measured: Record<string, Measured> = {};
  for (const { name, trainer: _, loader, encoder, head, memory, seconds, cosines } of made) {
    const curve = memory.stalenessCurve().filter(({ count }) => count >= LEAST_COUNT);
    const figures = {
      ms: 1000 * mean(seconds),
      ...(cosines.length > 0 && { 'cosine, old to new': mean(cosines) }),
      'cosine at youngest': curve[0]?.cosine ?? Number.NaN,
      'cosine at oldest': curve.at(-1)?.cosine ?? Number.NaN,
      'oldest age': curve.at(-1)?.age ?? Number.NaN,
    };
    measured[name] = { about, figures };
    await loader.close();
    head.dispose();
    encoder.dispose();
  }
  return measured;
}
