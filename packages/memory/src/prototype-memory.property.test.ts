import { Random } from '@protomem/core';
import type { CosineLoss, SoftmaxForm } from '@protomem/core/contracts';
import { putElements, sparseSoftmaxCrossEntropy, takeElements } from '@protomem/engine';
import { enginesAtHand, expectClose, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type NaiveLoss, naiveSoftmax, ReferenceMemory, type ReferenceOptions } from '../fixtures/reference-memory.ts';
import { createPrototypeMemory, type GuardedPair, type PrototypeMemory } from './index.ts';

const DIMENSION = 4;
const SCALE = 6;
const IDS = [0, 1, 2, 3, 4, 5, 2 ** 24 + 1, 2 ** 53 - 1];

const options: fc.Arbitrary<ReferenceOptions> = fc.record({
  size: fc.integer({ min: 1, max: 6 }),
  dimension: fc.constant(DIMENSION),
  generation: fc.constantFrom('mean', 'medoid', 'quality', 'recognizability', 'recognizable'),
  minRecognizability: fc.constantFrom(0.2, 0.5),
  targetPrototype: fc.constantFrom('all', 'leave-one-out', 'split'),
  gradient: fc.constantFrom('stop', 'exemplars'),
  refresh: fc.constantFrom('blend', 'replace', 'running-mean', 'age-aware', 'by-similarity'),
  refreshRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  renewAge: fc.boolean(),
  eviction: fc.constantFrom('oldest', 'fifo', 'random', 'least-confident'),
  admit: fc.constantFrom('before', 'after'),
  hardest: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  // From one column at a time to all at once.
  logitBytes: fc.constantFrom(1, 80, 2 ** 20),
  observedSamples: fc.nat({ max: 3 }),
  guardAbove: fc.option(fc.double({ min: 0.1, max: 1, noNaN: true }), { nil: undefined }),
  guardVisits: fc.integer({ min: 1, max: 3 }),
  guardLimit: fc.integer({ min: 1, max: 4 }),
  guardPairs: fc.array(
    fc.uniqueArray(fc.constantFrom(...IDS), { minLength: 2, maxLength: 2 }).map(([a, b]) => [a!, b!] as const),
    { maxLength: 3 },
  ),
  seed: fc.nat(),
});

/** A loss with a form, which is all that is wanted of it here: called as it is, it takes the form at its word. */
function formed(form: SoftmaxForm): CosineLoss {
  const { negative, combine } = form;
  const loss: CosineLoss = (cosines, targets, context) => {
    const terms = form.target(takeElements(cosines, targets), context);
    const logits = typeof negative === 'number' ? tf.mul(cosines, negative) : negative(cosines, terms);
    const others = tf.logSumExp(putElements(logits as tf.Tensor2D, targets, tf.fill([targets.size], -1e9)), 1);
    return combine ? combine(terms, others as tf.Tensor1D) : tf.softplus(tf.sub(others, terms.logit) as tf.Tensor1D);
  };
  return Object.assign(loss, { form });
}

/** One loss of each kind that the memory tells apart, the same by hand, and what a cosine that does not count becomes. */
const losses: Record<string, readonly [CosineLoss, NaiveLoss, guardedCosine?: number]> = {
  'a function of all cosines': [
    (cosines, targets) => sparseSoftmaxCrossEntropy(tf.mul(cosines, SCALE), targets),
    (own, others) =>
      naiveSoftmax(
        SCALE * own,
        others.map((c) => SCALE * c),
      ),
    -1,
  ],
  'a margin at the target': [
    formed({ target: (c) => ({ logit: tf.mul(SCALE, tf.sub(c, 0.2)) }), negative: SCALE }),
    (own, others) =>
      naiveSoftmax(
        SCALE * (own - 0.2),
        others.map((c) => SCALE * c),
      ),
  ],
  'others weighed by the target': [
    formed({
      target: (c) => ({ logit: tf.mul(c, SCALE), values: [tf.square(c)] }),
      negative: (c, { logit, values }) =>
        tf.mul(c, tf.expandDims(tf.add(tf.mul(values![0]!, 3), tf.add(logit, SCALE)), 1)) as tf.Tensor2D,
      combine: ({ logit, values }, others) => tf.add(tf.softplus(tf.sub(others, logit)), values![0]!),
    }),
    (own, others) =>
      naiveSoftmax(
        SCALE * own,
        others.map((c) => c * (3 * own ** 2 + SCALE * own + SCALE)),
      ) +
      own ** 2,
  ],
};
const kinds = Object.keys(losses);

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        labels: fc.array(fc.constantFrom(...IDS), { minLength: 1, maxLength: 9 }),
        kind: fc.constantFrom(undefined, ...kinds),
        /** Prototypes are made from others than the embeddings. */
        apart: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ restoreTo: fc.option(fc.integer({ min: 1, max: 6 })) }) },
  ),
  { minLength: 1, maxLength: 14 },
);

/** Embeddings that share a direction, so that no mean comes near zero, where rounding would decide. */
function draw(rng: Random, count: number): number[][] {
  return Array.from({ length: count }, () => Array.from({ length: DIMENSION }, () => Math.fround(rng.normal(1, 1))));
}

const inOrder = (x: GuardedPair, y: GuardedPair): number => x.a - y.a || x.b - y.b;

function expectSame(memory: PrototypeMemory, reference: ReferenceMemory): void {
  const { tensors } = memory.state();
  const column = (name: string): number[] => [...tensors[name]!.data];
  expect(column('ids')).toEqual(reference.entries.map((entry) => entry.id));
  expect(column('entered')).toEqual(reference.entries.map((entry) => entry.entered));
  expect(column('written')).toEqual(reference.entries.map((entry) => entry.written));
  expect(column('seen')).toEqual(reference.entries.map((entry) => entry.seen));
  expectClose(
    column('confidence'),
    reference.entries.map((entry) => entry.confidence),
    1e-4,
  );
  expectClose(
    column('prototypes'),
    reference.entries.flatMap((entry) => entry.vector),
    1e-4,
  );
  const { unrecognizable } = tensors;
  if (unrecognizable) {
    expectClose([...unrecognizable.data], reference.unrecognizable, 1e-4);
    reference.unrecognizable = [...unrecognizable.data];
  }
  const ages = reference.entries.map((entry) => reference.step - reference.agedFrom(entry));
  expect([...memory.ages()]).toEqual(ages);
  expect(memory.guardedPairs().toSorted(inOrder)).toEqual(reference.guardedPairs().toSorted(inOrder));
  const metrics = memory.metrics();
  expect(metrics.maxAge).toBe(Math.max(0, ...ages));
  expect(metrics.meanAge).toBeCloseTo(ages.reduce((a, b) => a + b, 0) / Math.max(1, ages.length), 9);
  expect(metrics.occupancy).toBe(reference.entries.length / reference.size);
  // From here on both have the same numbers to the last digit: equal confidences are equal in both.
  reference.entries.forEach((entry, slot) => {
    entry.confidence = column('confidence')[slot]!;
    entry.vector = column('prototypes').slice(slot * DIMENSION, (slot + 1) * DIMENSION);
  });
}

// Without a turn of the event loop webgpu's objects pile up, until a software adapter has no more memory maps.
const engines = (await enginesAtHand()).filter((engine) => engine !== 'webgpu');

describe.each(engines)('PrototypeMemory on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it('does what a plain slow memory does, for any policies, batches and restores', () => {
    const property = fc.property(options, steps, fc.nat(), (given, sequence, seed) => {
      const rng = new Random(seed);
      let memory = createPrototypeMemory(given);
      const reference = new ReferenceMemory(given);
      for (const step of sequence) {
        if ('restoreTo' in step) {
          const size = step.restoreTo ?? memory.size;
          const state = memory.state();
          memory.dispose();
          memory = createPrototypeMemory({ ...given, size, seed: given.seed + 1 });
          memory.restore(state);
          reference.shrink(size);
        } else {
          const distinct = [...new Set(step.labels)].slice(0, memory.size);
          const labels = step.labels.filter((id) => distinct.includes(id));
          const embeddings = draw(rng, labels.length);
          const x = tf.tensor2d(embeddings);
          if (step.kind === undefined) {
            expect(memory.admit(x, labels)).toEqual(reference.admit(embeddings, labels));
          } else {
            const [loss, naive, guardedCosine] = losses[step.kind]!;
            const apart = given.gradient === 'stop' && step.apart;
            const made = apart ? draw(rng, labels.length) : embeddings;
            const exemplars = apart ? tf.tensor2d(made) : undefined;
            const expected = reference.losses(embeddings, made, labels, naive, guardedCosine);
            const perSample = memory.loss(x, labels, loss, exemplars);
            expectClose(perSample, expected, 1e-4);
            tf.dispose([perSample, ...(exemplars ? [exemplars] : [])]);
            const { evicted, enqueued } = reference.admit(made, labels);
            expect(memory.metrics()).toMatchObject({ evicted: evicted.length, enqueued: enqueued.length });
          }
          x.dispose();
        }
        expectSame(memory, reference);
      }
      memory.dispose();
    });
    const tensors = tf.memory().numTensors;
    fc.assert(property, { numRuns: engine === 'cpu' ? 150 : 50, seed: 1 });
    expect(tf.memory().numTensors).toBe(tensors);
  });

  /** In the batch below, in memory outside of it, and one of each. */
  const guardPairs = [
    [1, 5],
    [3, 2],
    [12, 4],
  ] as const;
  const choices: Pick<ReferenceOptions, 'targetPrototype' | 'gradient' | 'admit' | 'generation'>[] = [];
  for (const targetPrototype of ['all', 'leave-one-out', 'split'] as const)
    for (const gradient of ['stop', 'exemplars'] as const)
      for (const admit of ['before', 'after'] as const)
        for (const generation of ['mean', 'medoid', 'quality', 'recognizability', 'recognizable'] as const)
          choices.push({ targetPrototype, gradient, admit, generation });

  it.each(choices)('has the gradient of finite differences: %o', (choice) => {
    for (const kind of kinds) {
      for (const columns of [
        {},
        { logitBytes: 1, guardPairs },
        { logitBytes: 160 },
        { hardest: 2, logitBytes: 160 },
        { hardest: 7, guardPairs },
      ]) {
        const [loss, naive, guardedCosine] = losses[kind]!;
        const rng = new Random(21);
        const given: ReferenceOptions = {
          size: 6,
          dimension: DIMENSION,
          refresh: choice.generation === 'quality' ? 'by-similarity' : 'blend',
          refreshRatio: 0.4,
          renewAge: true,
          eviction: 'oldest',
          hardest: undefined,
          guardVisits: 1,
          guardLimit: 1,
          seed: 0,
          ...choice,
          ...columns,
        };
        // Full of other classes and two of the batch's: it refreshes, enqueues and evicts; 3 and 4 have one image.
        const before = { embeddings: draw(rng, 6), labels: [1, 2, 3, 11, 12, 13] };
        const labels = [1, 5, 3, 1, 5, 1, 4, 1, 5, 5];
        const embeddings = draw(rng, labels.length);
        // Two of the cases with prototypes that are made from others.
        const apart = choice.gradient === 'stop' && 'guardPairs' in columns;
        const exemplars = apart ? draw(rng, labels.length) : embeddings;
        const reference = new ReferenceMemory(given);
        reference.admit(before.embeddings, before.labels);
        const memory = createPrototypeMemory(given);
        memory.admit(tf.tensor2d(before.embeddings), before.labels);

        const weights = labels.map((_, i) => 1 + i / 4);
        const f = (x: number[][]): number => {
          const source = choice.gradient === 'stop' ? exemplars : x;
          return reference
            .losses(x, source, labels, naive, guardedCosine)
            .reduce((s, value, i) => s + weights[i]! * value, 0);
        };
        const moved = (i: number, d: number, by: number): number[][] =>
          embeddings.map((row, k) => row.map((v, l) => (k === i && l === d ? v + by : v)));
        const expected = embeddings.flatMap((row, i) =>
          row.map((_, d) => (f(moved(i, d, 1e-5)) - f(moved(i, d, -1e-5))) / 2e-5),
        );
        const given2d = apart ? tf.tensor2d(exemplars) : undefined;
        const gradient = tf.grad((x) => tf.sum(tf.mul(weights, memory.loss(x as tf.Tensor2D, labels, loss, given2d))))(
          tf.tensor2d(embeddings),
        );
        expectClose(gradient, expected, 2e-4);
        memory.dispose();
      }
    }
  });

  it.each([
    { targetPrototype: 'all', gradient: 'stop' },
    { targetPrototype: 'leave-one-out', gradient: 'exemplars' },
  ] as const)('takes a gradient step on the prototypes: %o', (choice) => {
    const rng = new Random(5);
    const given: ReferenceOptions = {
      size: 6,
      dimension: DIMENSION,
      generation: 'mean',
      refresh: 'blend',
      refreshRatio: 0.4,
      renewAge: true,
      eviction: 'oldest',
      admit: 'before',
      hardest: undefined,
      guardVisits: 1,
      guardLimit: 1,
      guardPairs: [
        [1, 2],
        [8, 9],
        [9, 3],
      ],
      seed: 0,
      prototypeRate: 0.05,
      ...choice,
    };
    const reference = new ReferenceMemory(given);
    const memory = createPrototypeMemory(given);
    for (const labels of [
      [1, 2, 3, 4, 5],
      [1, 1, 2, 8, 8, 9],
      [9, 1, 9],
    ]) {
      const embeddings = draw(rng, labels.length);
      const [loss] = losses['a function of all cosines']!;
      tf.dispose(tf.grad((x) => tf.sum(memory.loss(x as tf.Tensor2D, labels, loss)))(tf.tensor2d(embeddings)));
      const own = reference.losses(embeddings, embeddings, labels, (cosine) => cosine);
      reference.admit(embeddings, labels);
      reference.descend(embeddings, labels, own, SCALE, 0.05);
      expectSame(memory, reference);
    }
    memory.dispose();
  });
});
