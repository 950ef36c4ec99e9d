import { Random } from '@protomem/core';
import { describe, expect, it } from 'vitest';
import { approximateIndex } from './approximate-neighbors.ts';
import { plainProduct } from './matrix-product.ts';
import { nearestNeighbors, neighborRecall } from './nearest-neighbors.ts';

const random = new Random(11);
const unit = (rows: number, width: number): Float32Array => {
  const values = Float32Array.from({ length: rows * width }, () => random.normal());
  for (let row = 0; row < rows; row++) {
    const part = values.subarray(row * width, (row + 1) * width);
    const length = Math.hypot(...part);
    for (let k = 0; k < width; k++) part[k]! /= length;
  }
  return values;
};
const dot = (a: Float32Array, i: number, b: Float32Array, j: number, width: number): number => {
  let sum = 0;
  for (let k = 0; k < width; k++) sum += a[i * width + k]! * b[j * width + k]!;
  return sum;
};

describe('plainProduct', () => {
  it.each([
    [1, 1],
    [2, 3],
    [5, 4],
    [7, 7],
    [1, 9],
    [3, 2],
  ])('is every dot product: %i x %i', (rows, columns) => {
    const [a, b] = [unit(rows, 5), unit(columns, 5)];
    const found = plainProduct(a, b, 5);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) expect(found[i * columns + j]).toBeCloseTo(dot(a, i, b, j, 5), 6);
    }
  });
});

describe('nearestNeighbors', () => {
  const width = 6;
  const gallery = unit(500, width);
  const queries = unit(300, width);

  it.each([7, 64, 500, 4096])('finds what sorting everything finds, with blocks of %i', async (block) => {
    const seen: number[] = [];
    const found = await nearestNeighbors(queries, gallery, width, 5, { block, onProgress: (done) => seen.push(done) });
    for (let query = 0; query < 300; query += 37) {
      const sorted = Array.from({ length: 500 }, (_, row) => row).sort(
        (x, y) => dot(queries, query, gallery, y, width) - dot(queries, query, gallery, x, width),
      );
      expect([...found.rows.subarray(query * 5, query * 5 + 5)]).toEqual(sorted.slice(0, 5));
      expect(found.scores[query * 5]).toBeCloseTo(dot(queries, query, gallery, sorted[0]!, width), 6);
    }
    expect(seen.at(-1)).toBe(1);
  });

  it('takes the lower row of equals, and all rows when asked', async () => {
    const same = Float32Array.of(1, 0, 1, 0, 1, 0);
    expect([...(await nearestNeighbors(Float32Array.of(1, 0), same, 2, 3, { block: 2 })).rows]).toEqual([0, 1, 2]);
  });

  it('refuses what cannot be searched', async () => {
    await expect(nearestNeighbors(queries, gallery, width, 501)).rejects.toThrow('k is 501');
    await expect(nearestNeighbors(Float32Array.of(Number.NaN, 0), gallery, 2, 1)).rejects.toThrow(
      'queries, row 0 is NaN',
    );
    await expect(nearestNeighbors(queries, gallery, width, 1, { product: () => new Float32Array(3) })).rejects.toThrow(
      'length of what product returned is 3',
    );
  });
});

it('looks at no number of a gallery that is checked, and finds the same', async () => {
  const [gallery, queries] = [unit(20, 4), unit(3, 4)];
  const found = await nearestNeighbors(queries, gallery, 4, 5);
  expect(await nearestNeighbors(queries, gallery, 4, 5, { checked: true })).toEqual(found);
  const broken = gallery.with(79, Number.NaN);
  await expect(nearestNeighbors(queries, broken, 4, 5)).rejects.toThrow('gallery, row 19');
  const { rows } = await nearestNeighbors(queries, broken, 4, 5, { checked: true });
  expect([...rows]).not.toContain(19);
});

describe('approximateIndex', () => {
  it('finds most true neighbours, more of them when it looks at more', async () => {
    const width = 16;
    const [gallery, queries] = [unit(3000, width), unit(100, width)];
    const exact = await nearestNeighbors(queries, gallery, width, 10);
    const recallOf = async (expansionSearch: number): Promise<number> => {
      const index = await approximateIndex(gallery, width, { expansionSearch, precision: 'f32', threads: 1 });
      expect(index.size).toBe(3000);
      return neighborRecall(index.search(queries, 10).rows, exact.rows, 10);
    };
    const [few, many] = [await recallOf(10), await recallOf(300)];
    expect(many).toBeGreaterThan(0.98);
    expect(many).toBeGreaterThan(few);
  });

  it('gives cosines', async () => {
    const index = await approximateIndex(Float32Array.of(1, 0, 0, 1), 2, { precision: 'f32' });
    const { rows, scores } = index.search(Float32Array.of(0.6, 0.8), 2);
    expect([...rows]).toEqual([1, 0]);
    expect(scores[0]).toBeCloseTo(0.8, 5);
    expect(() => index.search(Float32Array.of(1, 0), 3)).toThrow('k is 3');
  });

  it('says which of k rows it does not find', async () => {
    // The graph does not reach all of many equal ones.
    const index = await approximateIndex(new Float32Array(4000).fill(Math.SQRT1_2), 2, { threads: 1 });
    const { rows, scores } = index.search(Float32Array.of(1, 0), 2000);
    const found = scores.findIndex(Number.isNaN);
    expect(found).toBeGreaterThan(10);
    expect(new Set(rows.subarray(0, found)).size).toBe(found);
    expect(new Set(rows.subarray(found))).toEqual(new Set([2 ** 32 - 1]));
    expect(scores.subarray(found).every(Number.isNaN)).toBe(true);
  });

  it('finds what rows are given, and no longer those that are taken away', async () => {
    const width = 8;
    const index = await approximateIndex(unit(40, width), width, { precision: 'f32' });
    const [one, other] = [unit(1, width), unit(1, width)];
    const first = (query: Float32Array) => {
      const { rows, scores } = index.search(query, 1);
      return { row: rows[0], exact: scores[0]! > 0.9999 };
    };
    index.set(7, one);
    index.set(40, other);
    expect(index.size).toBe(41);
    expect([first(one), first(other)]).toEqual([
      { row: 7, exact: true },
      { row: 40, exact: true },
    ]);
    index.remove(7);
    expect(first(one).exact).toBe(false);
    expect(() => index.search(one, 41)).toThrow('k is 41');
  });
});
