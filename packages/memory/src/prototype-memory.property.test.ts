import { Random } from '@protomem/core';
import { sparseSoftmaxCrossEntropy } from '@protomem/engine';
import { enginesAtHand, expectClose, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ReferenceMemory, type ReferenceOptions } from './__fixtures__/reference-memory.ts';
import { createPrototypeMemory, type PrototypeMemory } from './index.ts';

const DIMENSION = 4;
const SCALE = 6;
const IDS = [0, 1, 2, 3, 4, 5, 2 ** 24 + 1, 2 ** 53 - 1];

const options: fc.Arbitrary<ReferenceOptions> = fc.record({
  size: fc.integer({ min: 1, max: 6 }),
  dimension: fc.constant(DIMENSION),
  generation: fc.constantFrom('mean', 'medoid', 'quality'),
  ownExample: fc.constantFrom('all', 'leave-one-out', 'split'),
  gradient: fc.constantFrom('stop', 'exemplars'),
  refresh: fc.constantFrom('blend', 'replace', 'running-mean', 'age-aware'),
  refreshRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  renewAge: fc.boolean(),
  eviction: fc.constantFrom('oldest', 'fifo', 'random', 'least-confident'),
  enter: fc.constantFrom('before', 'after'),
  seed: fc.nat(),
});

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ labels: fc.array(fc.constantFrom(...IDS), { minLength: 1, maxLength: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ restoreTo: fc.option(fc.integer({ min: 1, max: 6 })) }) },
  ),
  { minLength: 1, maxLength: 14 },
);

/** Embeddings that share a direction, so that no mean comes near zero, where rounding would decide. */
function draw(rng: Random, count: number): number[][] {
  return Array.from({ length: count }, () => Array.from({ length: DIMENSION }, () => Math.fround(rng.normal(1, 1))));
}

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
  const ages = reference.entries.map((entry) => reference.step - reference.agedFrom(entry));
  expect([...memory.ages()]).toEqual(ages);
  const metrics = memory.metrics();
  expect(metrics.maxAge).toBe(Math.max(0, ...ages));
  expect(metrics.occupancy).toBe(reference.entries.length / reference.size);
  // From here on both have the same numbers to the last digit: equal confidences are equal in both.
  reference.entries.forEach((entry, slot) => {
    entry.confidence = column('confidence')[slot]!;
    entry.vector = column('prototypes').slice(slot * DIMENSION, (slot + 1) * DIMENSION);
  });
}

const engines = await enginesAtHand();

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
          if (rng.below(2) === 0) {
            expect(memory.admit(x, labels)).toEqual(reference.admit(embeddings, labels));
          } else {
            const expected = reference.losses(embeddings, embeddings, labels, SCALE);
            const losses = memory.loss(x, labels, (cosines, targets) =>
              sparseSoftmaxCrossEntropy(tf.mul(cosines, SCALE), targets),
            );
            expectClose(losses, expected, 1e-4);
            losses.dispose();
            const { evicted, enqueued } = reference.admit(embeddings, labels);
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

  const choices: Pick<ReferenceOptions, 'ownExample' | 'gradient' | 'enter' | 'generation'>[] = [];
  for (const ownExample of ['all', 'leave-one-out', 'split'] as const)
    for (const gradient of ['stop', 'exemplars'] as const)
      for (const enter of ['before', 'after'] as const)
        for (const generation of ['mean', 'medoid', 'quality'] as const)
          choices.push({ ownExample, gradient, enter, generation });

  it.each(choices)('has the gradient of finite differences: %o', (choice) => {
    const rng = new Random(21);
    const given: ReferenceOptions = {
      size: 6,
      dimension: DIMENSION,
      refresh: 'blend',
      refreshRatio: 0.4,
      renewAge: true,
      eviction: 'oldest',
      seed: 0,
      ...choice,
    };
    // Full of other classes and two of the batch's: the batch refreshes, enqueues and evicts; 3 and 4 have one image.
    const before = { embeddings: draw(rng, 6), labels: [1, 2, 3, 11, 12, 13] };
    const labels = [1, 5, 3, 1, 5, 1, 4, 1, 5, 5];
    const embeddings = draw(rng, labels.length);
    const reference = new ReferenceMemory(given);
    reference.admit(before.embeddings, before.labels);
    const memory = createPrototypeMemory(given);
    memory.admit(tf.tensor2d(before.embeddings), before.labels);

    const weights = labels.map((_, i) => 1 + i / 4);
    const f = (x: number[][]): number => {
      const source = choice.gradient === 'stop' ? embeddings : x;
      return reference.losses(x, source, labels, SCALE).reduce((s, loss, i) => s + weights[i]! * loss, 0);
    };
    const moved = (i: number, d: number, by: number): number[][] =>
      embeddings.map((row, k) => row.map((v, l) => (k === i && l === d ? v + by : v)));
    const expected = embeddings.flatMap((row, i) =>
      row.map((_, d) => (f(moved(i, d, 1e-5)) - f(moved(i, d, -1e-5))) / 2e-5),
    );
    const gradient = tf.grad((x) =>
      tf.sum(
        tf.mul(
          tf.tensor1d(weights),
          memory.loss(x as tf.Tensor2D, labels, (cosines, targets) =>
            sparseSoftmaxCrossEntropy(tf.mul(cosines, SCALE), targets),
          ),
        ),
      ),
    )(tf.tensor2d(embeddings));
    expectClose(gradient, expected, 1e-4);
    memory.dispose();
  });
});
