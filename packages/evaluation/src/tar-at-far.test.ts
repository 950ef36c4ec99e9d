import { Random } from '@protomem/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tarAtFar, tarAtFars, thresholdAtFar } from './tar-at-far.ts';

describe('tarAtFar', () => {
  it('takes the best of all thresholds that keep the rate, and never exceeds it', () => {
    // Many equal; in one bin and not equal, zeros of both signs among them; beyond float32.
    const score = fc.oneof(
      fc.integer({ min: -8, max: 8 }),
      fc.constantFrom(-0, 0, 1e-45, -1e-45, 0.5, 0.5 + 2 ** -20, -0.5, -0.5 - 2 ** -20, 1e300, -1e300, 2e300),
    );
    const lists = fc
      .array(fc.tuple(score, fc.boolean()), { minLength: 2, maxLength: 50 })
      .filter((pairs) => pairs.some(([, same]) => same) && pairs.some(([, same]) => !same));
    fc.assert(
      fc.property(lists, fc.double({ min: 0, max: 1, noNaN: true }), (pairs, far) => {
        const scores = pairs.map(([score]) => score);
        const labels = pairs.map(([, same]) => same);
        const rate = (same: boolean, threshold: number): number => {
          const kind = scores.filter((_, i) => labels[i] === same);
          return kind.filter((score) => score >= threshold).length / kind.length;
        };
        const result = tarAtFar(scores, labels, far);
        expect(result.reachable).toBe(far >= 1 / labels.filter((same) => !same).length);
        if (!result.reachable) return;
        const allowed = [...scores, Number.POSITIVE_INFINITY].filter((threshold) => rate(false, threshold) <= far);
        expect(result.tar).toBe(Math.max(...allowed.map((threshold) => rate(true, threshold))));
        expect(result.threshold).toBe(Math.min(...allowed));
        expect(result.actualFar).toBe(rate(false, result.threshold!));
        expect(result.actualFar).toBeLessThanOrEqual(far);
        const inPlace = Float32Array.from(scores);
        if (inPlace.every(Number.isFinite)) {
          const bytes = Uint8Array.from(labels, Number);
          expect(tarAtFar(inPlace, bytes, far)).toEqual(tarAtFar([...inPlace], labels, far));
        }
      }),
      { seed: 1, numRuns: 600 },
    );
  });

  it('reads arrays of any kind, longer than a block', () => {
    const random = new Random(3);
    const scores = Float32Array.from({ length: 10_000 }, () => random.uniform(-1, 1));
    const labels = Uint8Array.from(scores, (score) => Number(score + random.uniform(-1, 1) > 0.5));
    const expected = tarAtFars(scores, labels, [1e-3, 0.1, 1]);
    expect(tarAtFars(Float64Array.from(scores), labels, [1e-3, 0.1, 1])).toEqual(expected);
    expect(tarAtFars([...scores], Array.from(labels, Boolean), [1e-3, 0.1, 1])).toEqual(expected);
    expect(expected.map(({ actualFar }) => actualFar)[2]).toBe(1);
  });

  it('refuses scores and labels that are none, wherever they are', () => {
    const scores = new Float32Array(5000);
    const labels = Uint8Array.from(scores, (_, i) => i % 2);
    const withScore = (score: number) => tarAtFar(scores.with(4500, score), labels, 0.1);
    expect(() => withScore(Number.NaN)).toThrow('scores[4500] is NaN, expected a finite number');
    expect(() => withScore(Number.NEGATIVE_INFINITY)).toThrow('scores[4500]');
    expect(() => tarAtFar(scores, labels.with(4500, 3), 0.1)).toThrow('labels[4500] is 3, expected 1 for the same');
    expect(() => tarAtFar([...scores], [...labels].with(4500, 0.5), 0.1)).toThrow('labels[4500] is 0.5');
    expect(() => tarAtFar(scores, labels.subarray(1), 0.1)).toThrow('length of labels is 4999');
    expect(() => tarAtFar(scores, new Uint8Array(5000), 0.1)).toThrow('5000 different');
  });

  it('allows exactly the false matches that the rate stands for, whatever its rounding', () => {
    // 0.29 * 100 is 28.999999999999996 in floating point, yet 29 false matches of 100 are a rate of 0.29.
    const scores = [...Array.from({ length: 100 }, (_, i) => i), 71];
    const labels = [...new Array(100).fill(0), 1];
    expect(tarAtFar(scores, labels, 0.29)).toMatchObject({ actualFar: 0.29, tar: 1, threshold: 71 });
    expect(tarAtFar(scores, labels, 0.28)).toMatchObject({ actualFar: 0.28, tar: 0, threshold: 72 });
  });

  it('says so when the list is too short for the rate', () => {
    const scores = [0.9, 0.5, 0.1];
    expect(tarAtFar(scores, [1, 0, 0], 0.5)).toMatchObject({ reachable: true, tar: 1 });
    expect(tarAtFar(scores, [1, 0, 0], 0.49)).toEqual({
      far: 0.49,
      reachable: false,
      tar: null,
      threshold: null,
      actualFar: null,
      standardError: null,
      interval: null,
    });
    expect(thresholdAtFar(scores, [1, 0, 0], 1e-6)).toBeNull();
  });

  it('handles one positive among a million negatives', () => {
    const negatives = 1_000_000;
    const random = new Random(1);
    const scores = Float64Array.from({ length: negatives + 1 }, () => random.uniform(-1, 0.5));
    const labels = new Uint8Array(negatives + 1);
    scores[0] = 0.6;
    labels[0] = 1;
    const result = tarAtFar(scores, labels, 1e-6);
    expect(result).toMatchObject({ reachable: true, tar: 1 });
    expect(result.actualFar).toBeLessThanOrEqual(1e-6);
    expect(tarAtFar(scores, labels, 0.99e-6).reachable).toBe(false);
  });

  it('accepts nobody when the best scores are tied between strangers', () => {
    expect(tarAtFar([0.5, 0.5, 0.5, 0.5], [1, 1, 0, 0], 0.5)).toMatchObject({
      tar: 0,
      threshold: Number.POSITIVE_INFINITY,
      actualFar: 0,
    });
  });

  it('refuses a rate that is none', () => {
    expect(() => tarAtFar([1, 0], [1, 0], 1.5)).toThrow('tarAtFar: far is 1.5, expected a number in [0, 1].');
    expect(() => tarAtFar([1, 0], [1, 0], Number.NaN)).toThrow('far is NaN');
  });

  it('has the binomial standard error', () => {
    const result = tarAtFar([0.9, 0.8, 0.7, 0.1, 0.2], [1, 1, 1, 1, 0], 1);
    expect(result.tar).toBe(1);
    expect(result.standardError).toBe(0);
    expect(tarAtFar([0.9, 0.8, 0.7, 0.1, 0.2, 0.75], [1, 1, 1, 1, 0, 0], 0.5).standardError).toBeCloseTo(
      Math.sqrt((0.75 * 0.25) / 4),
      12,
    );
  });
});
