import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateSimilarity, fitError, invertSimilarity, type Point, transformPoint } from './similarity.ts';

interface Reference {
  readonly estimates: readonly { readonly from: Point[]; readonly to: Point[]; readonly matrix: number[][] }[];
}
const reference: Reference = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/reference.json'), 'utf8'));

const coordinate = fc.double({ min: -1000, max: 1000, noNaN: true });
const point = fc.tuple(coordinate, coordinate);
const similarity = fc
  .record({
    scale: fc.double({ min: 0.01, max: 100, noNaN: true }),
    angle: fc.double({ min: -4, max: 4, noNaN: true }),
    shift: point,
  })
  .map(({ scale, angle, shift: [tx, ty] }) => ({ a: scale * Math.cos(angle), b: scale * Math.sin(angle), tx, ty }));
/** Points with two that are apart. */
const points = fc.array(point, { minLength: 2, maxLength: 12 }).map((some): Point[] => [...some, [2000, 0], [0, 3000]]);

describe('estimateSimilarity', () => {
  it.each(reference.estimates.map((pair, i) => [i, pair] as const))("is scikit-image's, pair %i", (_, pair) => {
    const { a, b, tx, ty } = estimateSimilarity(pair.from, pair.to);
    const expected = pair.matrix.flat();
    const size = Math.max(...expected.map(Math.abs));
    for (const [i, value] of [a, -b, tx, b, a, ty].entries()) {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-10 * size);
    }
  });

  it('finds a transform again, and its inverse', () => {
    fc.assert(
      fc.property(points, similarity, (from, transform) => {
        const to = from.map((each) => transformPoint(transform, each));
        const found = estimateSimilarity(from, to);
        expect(fitError(found, from, to)).toBeLessThan(1e-7);
        expect(fitError(invertSimilarity(found), to, from)).toBeLessThan(1e-5);
      }),
    );
  });

  it('has the least error: no small change of the transform has less', () => {
    fc.assert(
      fc.property(points, fc.array(point, { minLength: 14, maxLength: 14 }), (from, others) => {
        const to = others.slice(0, from.length);
        const best = estimateSimilarity(from, [...to.slice(0, -1), [500, 700]]);
        const goal: Point[] = [...to.slice(0, -1), [500, 700]];
        const least = fitError(best, from, goal);
        for (const [key, step] of Object.entries({ a: 1e-3, b: 1e-3, tx: 1, ty: 1 })) {
          for (const sign of [-1, 1]) {
            const changed = { ...best, [key]: best[key as keyof typeof best] + sign * step };
            expect(fitError(changed, from, goal)).toBeGreaterThanOrEqual(least);
          }
        }
      }),
    );
  });

  it.each<[Point[], Point[], string]>([
    [[[1, 2]], [[3, 4]], 'the number of points is [1, 1], expected equal on both sides and at least 2'],
    [
      [
        [1, 2],
        [3, 4],
      ],
      [[3, 4]],
      'the number of points is [2, 1]',
    ],
    [Array(5).fill([0.1, 77.7]), Array(5).fill([1, 2]), 'from is "0.1,77.7 0.1,77.7'],
    [
      [
        [0, 0],
        [1, 1],
      ],
      [
        [5, 5],
        [5, 5],
      ],
      'to is "5,5 5,5", expected finite points that do not all coincide',
    ],
    [
      [
        [0, Number.NaN],
        [1, 1],
      ],
      [
        [5, 5],
        [6, 5],
      ],
      'from is "0,NaN 1,1"',
    ],
    [
      [
        [0, 0],
        [1, Number.POSITIVE_INFINITY],
      ],
      [
        [5, 5],
        [6, 5],
      ],
      'from is "0,0 1,Infinity"',
    ],
  ])('refuses %j to %j', (from, to, message) => {
    expect(() => estimateSimilarity(from, to)).toThrow(`estimateSimilarity: ${message}`);
  });
});
