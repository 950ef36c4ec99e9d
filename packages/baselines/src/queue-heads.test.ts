import { enginesAtHand, expectClose, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  cosFace,
  dot,
  embed,
  imagesOf,
  NaiveEncoder,
  naiveCosFace,
  nextNaively,
  tinyEncoder,
  trainStep,
} from '../fixtures/parts.ts';
import { dcq, dynamicClassPool, type ObservableHead, semiSiamese } from './index.ts';

const HUGE = 2 ** 53 - 2;
/** Two identities that one float32 would hold; pairs, triples and single images; batches of 5 and 4. */
const labelsOf = (step: number): number[] => {
  const labels = [step % 3, HUGE - (step % 2), step % 3, 7 + (step % 4), HUGE - 1];
  return step % 3 === 2 ? labels.slice(1) : labels;
};

interface Key {
  readonly label: number;
  readonly vector: number[];
  readonly step: number;
}

interface Case {
  readonly name: string;
  /** Whether the batch's keys are in the queue before its loss. */
  readonly before: boolean;
  readonly make: (size: number, momentum: number, seed: number) => ObservableHead;
}

const cases: readonly Case[] = [
  {
    name: 'dcq',
    before: false,
    make: (size, momentum, seed) =>
      dcq({ size, dimension: 3, momentum, loss: cosFace(), keyEncoder: tinyEncoder(seed) }),
  },
  {
    name: 'semiSiamese',
    before: true,
    make: (size, momentum, seed) =>
      semiSiamese({ size, dimension: 3, momentum, loss: cosFace(), galleryEncoder: tinyEncoder(seed) }),
  },
];

describe.each(await enginesAtHand())('heads with a queue on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  for (const { name, before, make } of cases) {
    it.each([5, 7, 12, 100])(`${name} equals a naive queue of %i, step by step`, (size) => {
      const momentum = 0.7;
      const head = make(size, momentum, 5);
      const encoder = tinyEncoder(5);
      const gallery = new NaiveEncoder(encoder, momentum);
      let queue: Key[] = [];
      for (let step = 1; step <= 9; step++) {
        const labels = labelsOf(step);
        const images = imagesOf(labels.length, step);
        const probes = embed(encoder, images);
        const vectors = gallery.embed(images);
        const fresh = labels.map((label, i): Key => ({ label, vector: vectors[i]!, step }));
        const entered = [...queue, ...fresh].slice(-size);
        const columns = before ? entered : queue;
        const expected = labels.map((label, i) => {
          const positive = vectors[nextNaively(labels, i)]!;
          const others = columns.filter((key) => key.label !== label).map(({ vector }) => dot(probes[i]!, vector));
          return naiveCosFace(dot(probes[i]!, positive), others);
        });
        expectClose(trainStep(head, encoder, images, labels), expected, 2e-4);
        queue = entered;
        gallery.follow(encoder);
        images.dispose();

        const ids = [0, 1, 2, 7, HUGE, HUGE - 1, 555];
        const newest = ids.map((id) => queue.findLast(({ label }) => label === id));
        const present = ids.filter((_, i) => newest[i]);
        const direction = [0.2, -0.5, 0.8];
        const probe = tf.tensor2d(ids.map(() => direction));
        const found = head.stalenessProbe(probe, ids);
        probe.dispose();
        expect(found.map(({ id, age }) => [id, age])).toEqual(
          present.map((id) => [id, step - newest[ids.indexOf(id)]!.step]),
        );
        expectClose(
          found.map(({ cosine }) => cosine),
          present.map((id) => dot(newest[ids.indexOf(id)]!.vector, direction) / Math.hypot(...direction)),
        );
        expect(head.metrics()).toMatchObject({
          occupancy: queue.length / size,
          meanAge: queue.reduce((sum, key) => sum + step - key.step, 0) / queue.length,
        });
      }
      for (const part of [head, encoder]) part.dispose();
    });
  }

  it('dcq keeps the last keys of a batch that is larger than its queue', () => {
    const head = cases[0]!.make(2, 1, 1);
    const encoder = tinyEncoder(1);
    const images = imagesOf(3, 0);
    head.loss(encoder.apply(images), [1, 2, 3], images).dispose();
    const keys = tf.tensor2d(embed(encoder, images));
    const found = head.stalenessProbe(keys, [1, 2, 3]);
    expect(found.map(({ id }) => id)).toEqual([2, 3]);
    for (const { cosine } of found) expect(cosine).toBeCloseTo(1, 5);
    tf.dispose([images, keys]);
    for (const part of [head, encoder]) part.dispose();
  });

  it.each(cases)('$name knows after a restore which key is the newest', async ({ make }) => {
    const encoder = tinyEncoder(1);
    const [head, other] = [make(7, 0.5, 1), make(7, 0.5, 2)];
    for (let step = 1; step <= 4; step++) {
      const images = imagesOf(labelsOf(step).length, step);
      trainStep(head, encoder, images, labelsOf(step));
      images.dispose();
    }
    await other.restore(await head.state());
    const ids = [0, 1, 2, 7, 8, 9, 10, HUGE, HUGE - 1];
    const fresh = tf.ones<tf.Rank.R2>([ids.length, 3]);
    expect(other.stalenessProbe(fresh, ids)).toEqual(head.stalenessProbe(fresh, ids));
    fresh.dispose();
    for (const part of [head, other, encoder]) part.dispose();
  });

  it('lets the running statistics of the momentum encoder be its own', () => {
    const [double, encoder] = [tinyEncoder(1), tinyEncoder(1)];
    const head = dcq({ size: 4, dimension: 3, momentum: 0.5, loss: cosFace(), keyEncoder: double });
    const [weight, mean] = double.parameters.map(({ variable }) => variable);
    encoder.parameters.forEach(({ variable }) => {
      variable.assign(tf.zeros(variable.shape));
    });
    const start = [[...weight!.dataSync()], [...mean!.dataSync()]];
    head.afterStep!({ encoder, learningRate: 1 });
    expectClose(
      weight!,
      start[0]!.map((v) => v / 2),
    );
    expectClose(mean!, start[1]!);
    const images = imagesOf(3, 0);
    head.loss(encoder.apply(images), [1, 2, 3], images).dispose();
    expect([...mean!.dataSync()]).not.toEqual(start[1]);
    images.dispose();
    for (const part of [head, encoder]) part.dispose();
    expect(weight!.isDisposed).toBe(true);
  });
});

describe('heads with a queue', () => {
  it('save one moment, whatever comes while they do', async () => {
    const count = { values: { calls: 0 } };
    const loss = () =>
      Object.assign(cosFace(), {
        state: () => ({ values: { ...count.values }, tensors: {} }),
        restore: () => undefined,
      });
    const options = { dimension: 3, size: 8, loss: loss() };
    const heads = [
      dcq({ ...options, keyEncoder: tinyEncoder(0) }),
      semiSiamese({ ...options, galleryEncoder: tinyEncoder(0) }),
      dynamicClassPool({ ...options, galleryEncoder: tinyEncoder(0) }),
    ];
    for (const head of heads) {
      count.values.calls = 1;
      const saved = head.state();
      count.values.calls = 2;
      expect(JSON.stringify((await saved).values)).toContain('"calls":1');
      head.dispose();
    }
  });

  it('refuse what does not fit', async () => {
    const encoder = tinyEncoder(0);
    const options = { dimension: 3, loss: cosFace() };
    expect(() => dcq({ ...options, size: 0, keyEncoder: encoder })).toThrow('dcq: size is 0');
    expect(() => dcq({ ...options, size: 4, momentum: 1.5, keyEncoder: encoder })).toThrow('dcq: momentum is 1.5');
    expect(() => semiSiamese({ ...options, size: 4, dimension: 5, galleryEncoder: encoder })).toThrow(
      'semiSiamese: embedding size of the momentum encoder is 3, expected 5',
    );
    const head = semiSiamese({ ...options, size: 2, galleryEncoder: encoder });
    expect(() => head.loss(tf.zeros([3, 3]), [1, 2, 3], imagesOf(3, 0))).toThrow(
      'number of images in the batch is 3, expected at most 2, the size of the queue',
    );
    const other = semiSiamese({ ...options, size: 3, galleryEncoder: tinyEncoder(0) });
    const state = await head.state();
    expect(() => other.restore(state)).toThrow('size of the saved queue is 2, expected 3');
    for (const part of [head, other]) part.dispose();
  });
});
