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
  tinyEncoder,
  trainStep,
} from '../fixtures/parts.ts';
import { dynamicClassPool } from './index.ts';

interface Entry {
  readonly id: number;
  readonly slots: (number[] | undefined)[];
  next: number;
  written: number;
}

/** The pool as one would write it on paper: entries in the order of their visits, passes that are undone by a copy. */
class NaivePool {
  entries: Entry[] = [];
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  /** Puts galleries in and returns the losses of probes. */
  pass(
    galleries: { id: number; vector: number[] }[],
    probes: { id: number; vector: number[] }[],
    step: number,
  ): number[] {
    const hits = new Set<number>();
    const coming = new Set(galleries.map(({ id }) => id));
    for (const { id, vector } of galleries) {
      let entry = this.entries.find((e) => e.id === id);
      if (entry) {
        hits.add(id);
        this.entries.splice(this.entries.indexOf(entry), 1);
      } else {
        if (this.entries.length === this.size) {
          this.entries.splice(
            this.entries.findIndex((e) => !coming.has(e.id)),
            1,
          );
        }
        entry = { id, slots: [], next: 0, written: 0 };
      }
      entry.slots[entry.next] = vector;
      entry.next = 1 - entry.next;
      entry.written = step;
      this.entries.push(entry);
    }
    return probes.map(({ id, vector }) => {
      const term = (slotOf: (entry: Entry) => number): number => {
        const cosine = (entry: Entry): number => dot(vector, entry.slots[slotOf(entry)]!);
        const own = this.entries.find((entry) => entry.id === id);
        if (own) return naiveCosFace(cosine(own), this.entries.filter((entry) => entry !== own).map(cosine));
        // Of a pool this small, h is 3.
        const h = Math.min(3, columns);
        const highest = this.entries.map(cosine).sort((a, b) => b - a);
        return highest.slice(0, h).reduce((sum, c) => sum + Math.max(0, c) / h, 0);
      };
      const columns = this.columns;
      return (term(() => 0) + term((entry) => (hits.has(entry.id) ? 1 : 0))) / 2;
    });
  }

  /** Columns of the softmax in this step: those of the fuller pass. */
  columns = 0;
}

/** A single image, pairs, triples and quadruples; a batch of single images; identities that come back. */
const labelsOf = (step: number): number[] =>
  step % 4 === 3
    ? [20 + step, 30 + step, 1, 40 + step]
    : [step % 5, 50 + step, step % 5, 2 ** 40 + (step % 3), step % 5, 2 ** 40 + (step % 3), (step * 3) % 7, step % 5];

/** Each identity's images alternately; identities with one image in turns. */
function halves(labels: number[]): [number[], number[]] {
  const result: [number[], number[]] = [[], []];
  let singles = 0;
  for (const id of new Set(labels)) {
    const images = labels.flatMap((label, i) => (label === id ? [i] : []));
    const start = images.length === 1 ? singles++ : 0;
    images.forEach((image, place) => {
      result[(start + place) % 2]!.push(image);
    });
  }
  return result;
}

describe.each(await enginesAtHand())('dynamicClassPool on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it.each([4, 6, 50])('equals a naive pool of %i that is rolled back, step by step', (size) => {
    const momentum = 0.8;
    const head = dynamicClassPool({
      size,
      dimension: 3,
      momentum,
      loss: cosFace(),
      galleryEncoder: tinyEncoder(2),
    });
    const encoder = tinyEncoder(2);
    const gallery = new NaiveEncoder(encoder, momentum);
    const pool = new NaivePool(size);
    let absent = 0;
    for (let step = 1; step <= 14; step++) {
      const labels = labelsOf(step);
      const images = imagesOf(labels.length, step);
      const [probes, galleries] = [embed(encoder, images), gallery.embed(images)];
      const pick = (vectors: number[][], half: number[]): { id: number; vector: number[] }[] =>
        half.map((i) => ({ id: labels[i]!, vector: vectors[i]! }));
      const [x, y] = halves(labels);
      const before = structuredClone(pool.entries);
      const sizes = [x, y].map((half) => {
        const known = new Set(pool.entries.map(({ id }) => id));
        for (const i of half) known.add(labels[i]!);
        return Math.min(size, known.size);
      });
      pool.columns = Math.max(...sizes);
      const first = pool.pass(pick(galleries, y), pick(probes, x), step);
      pool.entries = before;
      const second = pool.pass(pick(galleries, x), pick(probes, y), step);
      const expected = labels.map((_, i) => (x.includes(i) ? first[x.indexOf(i)]! : second[y.indexOf(i)]!));
      expectClose(trainStep(head, encoder, images, labels), expected, 2e-4);
      gallery.follow(encoder);
      images.dispose();
      absent += head.metrics().absent!;

      const ids = [...new Set([0, 1, 2, 3, 4, 5, 6, ...labels])];
      const direction = [0.2, -0.5, 0.8];
      const fresh = tf.tensor2d(ids.map(() => direction));
      const found = head.stalenessProbe(fresh, ids);
      fresh.dispose();
      const stored = ids.flatMap((id) => pool.entries.find((entry) => entry.id === id) ?? []);
      expect(found.map(({ id, age }) => [id, age])).toEqual(stored.map(({ id, written }) => [id, step - written]));
      expectClose(
        found.map(({ cosine }) => cosine),
        stored.map(({ slots, next }) => dot(slots[1 - next]!, direction) / Math.hypot(...direction)),
      );
      expect(head.metrics().occupancy).toBe(pool.entries.length / size);
    }
    expect(absent).toBeGreaterThan(0);
    for (const part of [head, encoder]) part.dispose();
  });
});

describe('dynamicClassPool', () => {
  it('refuses what does not fit', async () => {
    const make = (size: number) =>
      dynamicClassPool({ size, dimension: 3, loss: cosFace(), galleryEncoder: tinyEncoder(0) });
    expect(() => make(0)).toThrow('dynamicClassPool: size is 0');
    const head = make(1);
    expect(() => head.loss(tf.zeros([4, 3]), [1, 2, 3, 4], imagesOf(4, 0))).toThrow(
      'number of identities in half of the batch is 2, expected at most 1, the size of the pool',
    );
    const other = make(2);
    const state = await head.state();
    expect(() => other.restore(state)).toThrow('size of the saved pool is 1, expected 2');
    for (const part of [head, other]) part.dispose();
  });
});
