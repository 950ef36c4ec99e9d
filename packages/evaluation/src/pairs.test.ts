import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hardestPairs } from './hardest-pairs.ts';
import { histogram } from './histogram.ts';
import { pairScores } from './pair-scores.ts';

describe('pairScores', () => {
  it('are cosines, whatever the lengths of the embeddings', () => {
    const angles = [0, 1, 2.5, 4];
    const lengths = [1, 100, 1e-3, 7];
    const embeddings = Float32Array.from(
      angles.flatMap((a, i) => [Math.cos(a) * lengths[i]!, Math.sin(a) * lengths[i]!]),
    );
    const pairs = Int32Array.of(0, 1, 1, 2, 0, 3, 2, 2);
    const scores = pairScores(embeddings, 2, pairs);
    [Math.cos(1), Math.cos(1.5), Math.cos(4), 1].forEach((cosine, i) => {
      expect(scores[i]).toBeCloseTo(cosine, 6);
    });
    expect(Math.max(...scores)).toBeLessThanOrEqual(1);
  });

  it('refuses embeddings and pairs that mean nothing', () => {
    expect(() => pairScores(Float32Array.of(1, 2, 3), 2, [0, 0])).toThrow('length of embeddings is 3');
    expect(() => pairScores(Float32Array.of(1, 2), 2, [0])).toThrow('length of pairs is 1');
    expect(() => pairScores(Float32Array.of(1, 2), 2, [0, 1])).toThrow(
      'a row of pair 0 is 1, expected an integer in [0, 0]',
    );
    expect(() => pairScores(Float32Array.of(1, 2, 0, 0), 2, [0, 1])).toThrow('length of embedding 1 is 0');
    expect(() => pairScores(Float32Array.of(1, Number.NaN), 2, [0, 0])).toThrow('length of embedding 0 is NaN');
  });
});

describe('hardestPairs', () => {
  const scores = [0.9, 0.1, 0.8, 0.2, 0.8, 0.3];
  const labels = [1, 1, 0, 0, 0, 1];

  it('are the worst of each kind, worst first', () => {
    expect(hardestPairs(scores, labels, 2)).toEqual({ falseMatches: [2, 4], falseNonMatches: [1, 5] });
  });

  it('are only errors when a threshold is given', () => {
    expect(hardestPairs(scores, labels, 9, 0.25)).toEqual({ falseMatches: [2, 4], falseNonMatches: [1] });
    expect(hardestPairs([0.9, 0.1], [1, 0], 9, 0.5)).toEqual({ falseMatches: [], falseNonMatches: [] });
  });
});

describe('histogram', () => {
  it('counts every value once, as a loop over the edges does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -12, max: 12 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        (values, bins) => {
          const { edges, counts } = histogram(values, bins, -8, 8);
          expect(edges.length).toBe(bins + 1);
          expect(counts.reduce((a, b) => a + b, 0)).toBe(values.length);
          const inside = values.filter(
            (value) => value >= -8 && value < 8 && !edges.some((edge) => Math.abs(edge - value) < 1e-9),
          );
          for (const value of inside) {
            const bin = edges.findIndex((edge, i) => value > edge && value < edges[i + 1]!);
            expect(counts[bin]).toBeGreaterThan(0);
          }
        },
      ),
      { seed: 1 },
    );
    expect(histogram([0, 0.5, 1, 5, -5], 2, 0, 1)).toEqual({ edges: [0, 0.5, 1], counts: [2, 3] });
  });

  it('refuses an empty range', () => {
    expect(() => histogram([], 3, 1, 1)).toThrow('range is [1, 1]');
    expect(() => histogram([], 0, 0, 1)).toThrow('bins is 0');
  });
});
