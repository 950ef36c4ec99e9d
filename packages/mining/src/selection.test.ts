import { Random } from '@protomem/core';
import { enginesAtHand, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type DuplicateOptions,
  doppelgangersFromSimilarities,
  type ExpandBatchOptions,
  expandBatch,
  findDuplicateIdentities,
  type HardestOptions,
  hardestColumns,
  hardImages,
} from './index.ts';

const matrix = (random: Random, rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.uniform(-1, 1)));
const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
const cosine = (x: readonly number[], y: readonly number[]): number => dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));

describe('expandBatch', () => {
  it('adds doppelgangers of those in the batch, each once, until there are enough or no more', () => {
    const graph = fc.array(fc.array(fc.nat(11), { maxLength: 4 }), { minLength: 12, maxLength: 12 });
    const chosenOf = fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(graph, chosenOf, fc.nat(12), fc.nat(), (doppelgangers, chosen, wanted, seed) => {
        const doppelgangersOf = (id: number) => doppelgangers[id]!.map((lookAlike) => ({ id: lookAlike }));
        const grow = () => expandBatch({ chosen, wanted, doppelgangersOf, random: new Random(seed) });
        const added = grow();
        expect(grow()).toEqual(added);
        expect(added.length).toBeLessThanOrEqual(wanted);
        expect(new Set([...chosen, ...added]).size).toBe(chosen.length + added.length);
        const batch = [...chosen];
        for (const id of added) {
          expect(batch.some((other) => doppelgangers[other]!.includes(id))).toBe(true);
          batch.push(id);
        }
        // Places are left only where nobody has anybody left.
        if (added.length < wanted) {
          for (const id of batch) for (const lookAlike of doppelgangers[id]!) expect(batch).toContain(lookAlike);
        }
        const rule = { companions: 'doppelgangers' } as const;
        const pairs = expandBatch({ chosen, wanted, doppelgangersOf, random: new Random(seed), ...rule });
        const ofChosen = new Set(chosen.flatMap((id) => doppelgangers[id]!).filter((id) => !chosen.includes(id)));
        expect(pairs.length).toBe(Math.min(wanted, ofChosen.size));
        for (const id of pairs) expect(ofChosen).toContain(id);
        const taken = new Set(pairs.slice(0, 1));
        const without = expandBatch({ chosen, wanted, doppelgangersOf, random: new Random(seed), ...rule, taken });
        for (const id of taken) expect(without).not.toContain(id);
      }),
      { seed: 1, numRuns: 400 },
    );
  });

  it('brings one of each before a second of anybody, in pairs; in clusters those who were brought bring too', () => {
    const doppelgangersOf = (id: number) => [{ id: 10 * id }, { id: 10 * id + 1 }];
    const grow = (companions: 'doppelgangers' | 'multi-doppelgangers', wanted: number): number[] =>
      expandBatch({ chosen: [1, 2], wanted, doppelgangersOf, random: new Random(1), companions });
    const tens = (ids: readonly number[]): number[] => ids.map((id) => Math.floor(id / 10));
    expect(tens(grow('doppelgangers', 9))).toEqual([1, 2, 1, 2]);
    const cluster = grow('multi-doppelgangers', 6);
    expect(tens(cluster)).toEqual([1, 2, 1, cluster[0], 2, cluster[1]]);
  });

  it('draws among the doppelgangers', () => {
    const doppelgangersOf = () => [{ id: 1 }, { id: 2 }, { id: 3 }];
    const random = new Random(1);
    const seen = new Set(
      Array.from({ length: 60 }, () => expandBatch({ chosen: [0], wanted: 1, doppelgangersOf, random })[0]),
    );
    expect([...seen].toSorted()).toEqual([1, 2, 3]);
  });
});

describe('hardestColumns', () => {
  it('finds what sorting everything finds', () => {
    const random = new Random(5);
    for (let run = 0; run < 50; run++) {
      const [rows, columns, count] = [1 + random.below(5), 1 + random.below(9), random.below(6)];
      const similarities = matrix(random, rows, columns);
      const targets = Array.from({ length: rows }, () => random.below(columns + 1) - 1);
      const expected = similarities.map((row, i) =>
        row
          .map((value, column) => ({ value, column }))
          .filter(({ value, column }) => column !== targets[i] && value <= 0.6)
          .toSorted((a, b) => b.value - a.value)
          .slice(0, count)
          .map(({ column }) => column),
      );
      expect(hardestColumns(similarities, targets, { count, duplicateAbove: 0.6 })).toEqual(expected);
    }
    expect(hardestColumns([new Float32Array([0.9, 0.2, 0.5])], [0], { count: 9 })).toEqual([[2, 1]]);
    expect(hardestColumns([], [], { count: 1 })).toEqual([]);
  });

  it('refuses shapes that do not fit', () => {
    expect(() => hardestColumns([[1, 2]], [0, 1], { count: 1 })).toThrow('expected [2, 2]');
    expect(() => hardestColumns([[1, 2], [1]], [0, 1], { count: 1 })).toThrow('shape of similarities');
    expect(() => hardestColumns([[1]], [0], { count: 1, duplicateAbove: Number.NaN })).toThrow('duplicateAbove');
  });
});

describe('hardImages', () => {
  it('puts the images nearest to any of the doppelgangers first, whatever their lengths', () => {
    const random = new Random(6);
    const [images, doppelgangers] = [matrix(random, 9, 4), matrix(random, 3, 4)];
    const nearness = images.map((image) => Math.max(...doppelgangers.map((lookAlike) => cosine(image, lookAlike))));
    const order = nearness.map((_, i) => i).toSorted((a, b) => nearness[b]! - nearness[a]!);
    expect(hardImages(images, doppelgangers, 4)).toEqual(order.slice(0, 4));
    expect(
      hardImages(
        images,
        doppelgangers.map((row) => row.map((x) => 7 * x)),
        99,
      ),
    ).toEqual(order);
    expect(
      hardImages(
        [
          [0, 0],
          [1, 0],
        ],
        [[1, 0]],
        2,
      ),
    ).toEqual([1, 0]);
    expect(() => hardImages(images, [], 1)).toThrow('prototypes');
    expect(() => hardImages(images, [[1, 2]], 1)).toThrow('[9, 2]');
  });
});

describe('doppelgangersFromSimilarities', () => {
  const random = new Random(8);
  const n = 14;
  const similarities = matrix(random, n, n);
  const labels = Array.from({ length: n }, (_, i) => 100 + (i % 6));

  it.each(['rows', 'one array'] as const)('finds the most alike identities of images: %s', (shape) => {
    const given = shape === 'rows' ? similarities : Float64Array.from(similarities.flat());
    const table = doppelgangersFromSimilarities(given, labels, { doppelgangers: 2, duplicateAbove: 0.9 });
    const ids = [...new Set(labels)];
    const likeness = (a: number, b: number): number => {
      let best = -Infinity;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          if (labels[i] === a && labels[j] === b) best = Math.max(best, similarities[i]![j]!, similarities[j]![i]!);
        }
      }
      return best;
    };
    let suspects = 0;
    for (const a of ids) {
      const others = ids.filter((b) => b !== a).toSorted((x, y) => likeness(a, y) - likeness(a, x));
      suspects += others.filter((b) => a < b && likeness(a, b) > 0.9).length;
      const expected = others.filter((b) => likeness(a, b) <= 0.9).slice(0, 2);
      expect(table.doppelgangersOf(a)).toEqual(expected.map((id) => ({ id, cosine: likeness(a, id), step: 1 })));
    }
    expect(suspects).toBeGreaterThan(0);
    expect(table.suspects()).toHaveLength(suspects);
  });

  it('refuses what does not fit', () => {
    expect(() => doppelgangersFromSimilarities([[1, 2]], [1, 2])).toThrow('expected [2, 2]');
    expect(() => doppelgangersFromSimilarities([1, 2, 3], [1, 2])).toThrow('or as 4 numbers');
    expect(() =>
      doppelgangersFromSimilarities(
        [
          [1, Number.NaN],
          [Number.NaN, 1],
        ],
        [1, 2],
      ),
    ).toThrow('similarity of 0 and 1');
    expect(() =>
      doppelgangersFromSimilarities(
        [
          [1, 0],
          [0, 1],
        ],
        [1, 0.5],
      ),
    ).toThrow('two different integers');
    expect(doppelgangersFromSimilarities([], []).occupied).toBe(0);
    // Percent, say.
    const percent = doppelgangersFromSimilarities([0, 95, 40, 95, 0, 30, 40, 30, 0], [1, 2, 3], { duplicateAbove: 90 });
    expect(percent.suspects().map(({ a, b }) => [a, b])).toEqual([[1, 2]]);
    expect(percent.doppelgangersOf(3).map(({ id }) => id)).toEqual([1, 2]);
  });
});

for (const engine of await enginesAtHand()) {
  describe(`findDuplicateIdentities on ${engine}`, () => {
    beforeAll(() => useEngine(engine));

    it.each([1, 5, 1024])('finds what comparing all pairs finds, in blocks of %d', (block) => {
      const random = new Random(9);
      const rows = matrix(random, 17, 3);
      const labels = Array.from({ length: 17 }, () => random.below(7));
      const naive = new Map<string, { cosine: number; images: [number, number]; pairs: number }>();
      for (let i = 0; i < 17; i++) {
        for (let j = 0; j < 17; j++) {
          const value = cosine(rows[i]!, rows[j]!);
          if (labels[i]! >= labels[j]! || value < 0.8) continue;
          const key = `${labels[i]} ${labels[j]}`;
          const pair = naive.get(key) ?? { cosine: -1, images: [i, j], pairs: 0 };
          pair.pairs++;
          if (value > pair.cosine) Object.assign(pair, { cosine: value, images: [i, j] });
          naive.set(key, pair);
        }
      }
      const embeddings = tf.tensor2d(rows);
      const tensors = tf.memory().numTensors;
      const found = findDuplicateIdentities(embeddings, labels, { threshold: 0.8, block });
      expect(tf.memory().numTensors).toBe(tensors);
      expect(found).toHaveLength(naive.size);
      for (const { a, b, cosine: value, images, pairs } of found) {
        const expected = naive.get(`${a} ${b}`)!;
        expect({ images, pairs }).toEqual({ images: expected.images, pairs: expected.pairs });
        expect(value).toBeCloseTo(expected.cosine, 5);
      }
      expect(found.map((pair) => pair.cosine)).toEqual(found.map((pair) => pair.cosine).toSorted((x, y) => y - x));
      const few = findDuplicateIdentities(embeddings, labels, { threshold: 0.8, block, limit: 2 });
      expect(few.map(({ a, b, cosine: c }) => [a, b, c])).toEqual(
        found.slice(0, 2).map(({ a, b, cosine: c }) => [a, b, c]),
      );
      embeddings.dispose();
    });

    it('refuses what does not fit or is not a number, and leaks nothing', () => {
      const embeddings = tf.tensor2d([1, 0, Number.NaN, 1], [2, 2]);
      const tensors = tf.memory().numTensors;
      expect(() => findDuplicateIdentities(embeddings, [1, 2])).toThrow(
        'findDuplicateIdentities: embedding 1 of 2 is "of length NaN", expected finite. Look at this image.',
      );
      // Of whom no pair is noted.
      expect(() => findDuplicateIdentities(embeddings, [1, 1])).toThrow('embedding 1 of 2');
      const alone = tf.slice(embeddings, [1, 0], [1, 2]);
      expect(() => findDuplicateIdentities(alone, [1])).toThrow('embedding 0 of 1');
      alone.dispose();
      expect(() => findDuplicateIdentities(embeddings, [1])).toThrow('[1, D]');
      expect(() => findDuplicateIdentities(embeddings, [1, -2])).toThrow('label 1');
      expect(tf.memory().numTensors).toBe(tensors);
      embeddings.dispose();
    });
  });
}

it('refuses options that it does not know, and names the nearest', () => {
  const options = { chosen: [0], wanted: 1, doppelgangersOf: () => [], random: new Random(1) };
  expect(() => expandBatch({ ...options, companion: 'x' } as ExpandBatchOptions)).toThrow('Did you mean "companions"?');
  expect(() => hardestColumns([[1]], [0], { count: 1, duplicatesAbove: 1 } as HardestOptions)).toThrow(
    'hardestColumns: an option is "duplicatesAbove", expected one of count, duplicateAbove. Did you mean "duplicateAbove"?',
  );
  const embeddings = tf.tensor2d([[1, 0]]);
  try {
    expect(() => findDuplicateIdentities(embeddings, [1], { treshold: 1 } as DuplicateOptions)).toThrow(
      'Did you mean "threshold"?',
    );
  } finally {
    embeddings.dispose();
  }
});
