import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { permutation } from './permutation.ts';

describe('permutation', () => {
  it('is a bijection for every small size', () => {
    for (let size = 1; size <= 300; size++) {
      for (const seed of [0, 1, 2 ** 40]) {
        const order = permutation(size, seed);
        const values = Array.from({ length: size }, (_, i) => order(i)).sort((x, y) => x - y);
        expect(values).toEqual(Array.from({ length: size }, (_, i) => i));
      }
    }
  });

  it('is a bijection for sizes around squares and powers of two', () => {
    for (const size of [4095, 4096, 4097, 65535, 65536, 65537, 100_003]) {
      const order = permutation(size, 3, size);
      const seen = new Uint8Array(size);
      for (let i = 0; i < size; i++) seen[order(i)]!++;
      expect(seen.every((count) => count === 1)).toBe(true);
    }
  });

  it('never repeats and never leaves [0, size) for huge sizes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2 ** 31, max: Number.MAX_SAFE_INTEGER }), fc.integer(), (size, seed) => {
        const order = permutation(size, seed);
        const indices = [...Array.from({ length: 200 }, (_, i) => i), size - 1, size - 2, Math.floor(size / 2)];
        const values = indices.map(order);
        expect(values.every((v) => Number.isSafeInteger(v) && v >= 0 && v < size)).toBe(true);
        expect(new Set(values).size).toBe(indices.length);
      }),
      { numRuns: 50 },
    );
  });

  it('puts every value at every place about equally often', () => {
    for (const size of [2, 3, 4, 7, 16, 50]) {
      const draws = 200 * size;
      const counts = new Float64Array(size * size);
      for (let seed = 0; seed < draws; seed++) {
        const order = permutation(size, seed);
        for (let i = 0; i < size; i++) counts[i * size + order(i)]!++;
      }
      const expected = draws / size;
      const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      const freedom = (size - 1) ** 2;
      expect(chiSquare).toBeLessThan(freedom + 5 * Math.sqrt(2 * freedom) + 5);
    }
  });

  it('puts every pair of values at every pair of places about equally often', () => {
    for (const size of [4, 5, 9]) {
      const pairs = size * (size - 1);
      const draws = 60 * pairs;
      for (const [i, j] of [
        [0, 1],
        [0, size - 1],
        [1, size >> 1],
      ] as const) {
        const counts = new Float64Array(size * size);
        for (let seed = 0; seed < draws; seed++) {
          const order = permutation(size, 11, seed);
          counts[order(i) * size + order(j)]!++;
        }
        let chiSquare = 0;
        for (let a = 0; a < size; a++) {
          for (let b = 0; b < size; b++) if (a !== b) chiSquare += (counts[a * size + b]! - 60) ** 2 / 60;
        }
        // One in a million by chance.
        expect(chiSquare).toBeLessThan(pairs - 1 + 5 * Math.sqrt(2 * (pairs - 1)) + 10);
      }
    }
  });

  it('makes all 120 orders of five about equally often', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 12_000; seed++) {
      const order = permutation(5, seed, 2);
      const key = [0, 1, 2, 3, 4].map(order).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(120);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
    expect(chiSquare).toBeLessThan(119 + 5 * Math.sqrt(2 * 119) + 10);
  });

  it('spreads a billion values evenly, whichever stretch of them is drawn', () => {
    const size = 1e9;
    const [bins, draws] = [64, 64_000];
    for (const start of [0, 123_456_789, size - draws]) {
      const order = permutation(size, start);
      const counts = new Float64Array(bins);
      const steps = new Float64Array(bins);
      for (let i = 0; i < draws; i++) {
        counts[Math.floor((order(start + i) / size) * bins)]!++;
        if (i > 0) steps[Math.floor((((order(start + i) - order(start + i - 1) + size) % size) / size) * bins)]!++;
      }
      for (const histogram of [counts, steps]) {
        const chiSquare = histogram.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
        expect(chiSquare).toBeLessThan(63 + 5 * Math.sqrt(2 * 63) + 10);
      }
    }
  });

  it('leaves no order between neighbours', () => {
    const size = 1000;
    let ascents = 0;
    for (let seed = 0; seed < 20; seed++) {
      const order = permutation(size, seed);
      for (let i = 1; i < size; i++) if (order(i) > order(i - 1)) ascents++;
    }
    expect(ascents / (20 * (size - 1))).toBeGreaterThan(0.48);
    expect(ascents / (20 * (size - 1))).toBeLessThan(0.52);
  });

  it('gives other orders for other seeds and the same for the same', () => {
    const values = (...seed: number[]): number[] => Array.from({ length: 20 }, (_, i) => permutation(1000, ...seed)(i));
    expect(values(1, 2)).toEqual(values(1, 2));
    expect(values(1, 2)).not.toEqual(values(1, 3));
    expect(values(1, 2)).not.toEqual(values(2, 1));
  });

  it('refuses a size below 1', () => {
    expect(() => permutation(0, 1)).toThrow('permutation: size is 0');
  });
});
