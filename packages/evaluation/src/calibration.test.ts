import { readFileSync } from 'node:fs';
import { Random } from '@protomem/core';
import { describe, expect, it } from 'vitest';
import {
  calibrateThreshold,
  logisticCalibration,
  reliability,
  sameProbability,
  splitHalfStability,
} from './calibration.ts';
import { tarAtFar } from './tar-at-far.ts';

const golden = JSON.parse(readFileSync(new URL('../fixtures/protocols.json', import.meta.url), 'utf8')).calibration as {
  name: string;
  scores: number[];
  labels: number[];
  slope: number;
  intercept: number;
  probabilities: number[];
  reliability: { share: number[]; probability: number[] };
  brier: number;
}[];

describe('calibrateThreshold', () => {
  it('holds the true threshold as often as it says, whatever the distribution', () => {
    // Strangers are uniform: the threshold of a FAR f is exactly 1 - f.
    for (const [count, far] of [
      [400, 0.05],
      [60, 0.02],
      [20_000, 0.05],
    ] as const) {
      const random = new Random(count);
      let inside = 0;
      const repeats = count > 10_000 ? 100 : 600;
      for (let i = 0; i < repeats; i++) {
        const scores = Float64Array.from({ length: count + 1 }, () => random.uniform());
        const { interval } = calibrateThreshold(scores, new Uint8Array(count + 1).fill(1, count), far)!;
        if (interval[0] <= 1 - far && 1 - far <= interval[1]) inside++;
      }
      // Never less than it says but by chance (three standard errors), and not by far more: the counts are whole.
      expect(inside / repeats).toBeGreaterThan(0.95 - 3 * Math.sqrt((0.05 * 0.95) / repeats));
      if (count === 400) expect(inside / repeats).toBeLessThan(0.985);
    }
  });

  it('bounds a threshold at any rate, also where most of the strangers pass', () => {
    const scores = Array.from({ length: 1001 }, (_, i) => i / 1000);
    const labels = scores.map((_, i) => Number(i === 1000));
    for (const far of [0.3, 0.5, 0.55, 0.7, 0.9]) {
      const { threshold, interval } = calibrateThreshold(scores, labels, far)!;
      expect(threshold).toBeCloseTo(1 - far, 2);
      // Two standard deviations of the count.
      const reach = 2 * Math.sqrt((far * (1 - far)) / 1000);
      expect(interval[0]).toBeCloseTo(threshold - reach, 2);
      expect(interval[1]).toBeCloseTo(threshold + reach, 2);
    }
    // scipy.stats.binom.ppf([0.025, 0.975], 40, 0.8): 27 and 37 of 40.
    const few = calibrateThreshold([...scores.slice(0, 40), 1], [...labels.slice(0, 40), 1], 0.8)!;
    expect(few.interval.map((score) => Math.round(1000 * score))).toEqual([2, 13]);
  });

  it('goes with tarAtFar, and says when the list is too short', () => {
    const random = new Random(1);
    const labels = Array.from({ length: 1000 }, (_, i) => i % 2);
    const scores = labels.map((same) => random.normal(same, 0.5));
    const one = calibrateThreshold(scores, labels, 0.01)!;
    const { threshold, actualFar } = tarAtFar(scores, labels, 0.01);
    expect(one).toMatchObject({ threshold, actualFar, negatives: 500, far: 0.01 });
    expect(one.interval[0]).toBeLessThan(threshold!);
    expect(one.interval[1]).toBeGreaterThan(threshold!);
    expect(one.farInterval[0]).toBeLessThan(0.01);
    expect(calibrateThreshold(scores, labels, 0.001)).toBeNull();
    // One stranger in 500 may be the highest of all that there are: nothing bounds it from above.
    expect(calibrateThreshold(scores, labels, 0.002)!.interval[1]).toBe(Number.POSITIVE_INFINITY);
    expect(() => calibrateThreshold(scores, labels, 0.01, 2)).toThrow('confidence is 2');
  });
});

describe('logisticCalibration', () => {
  it.each(golden)("is scikit-learn's sigmoid calibration: $name", ({ scores, labels, ...expected }) => {
    const own = labels.reduce((sum, label) => sum + label, 0) / labels.length;
    const { slope, intercept } = logisticCalibration(scores, labels, own);
    expect(Math.abs(slope / expected.slope - 1)).toBeLessThan(1e-4);
    expect(Math.abs(intercept / expected.intercept - 1)).toBeLessThan(1e-4);
    const { bins, brier } = reliability(expected.probabilities, labels, 10);
    expect(brier).toBeCloseTo(expected.brier, 12);
    expect(bins.length).toBe(expected.reliability.share.length);
    for (const [i, { share, probability }] of bins.entries()) {
      expect(share).toBeCloseTo(expected.reliability.share[i]!, 12);
      expect(probability).toBeCloseTo(expected.reliability.probability[i]!, 12);
    }
  });

  it('finds the probabilities that scores were drawn with, at the prior that is asked for', () => {
    const random = new Random(4);
    const labels = Array.from({ length: 20_000 }, (_, i) => Number(i % 4 === 0));
    // Two normals of one deviation: the log odds are linear, 2 (score - 0.5) / 0.5² at equal shares.
    const scores = labels.map((same) => random.normal(same, 0.5));
    const even = logisticCalibration(scores, labels);
    expect(even.slope).toBeCloseTo(4, 0);
    expect(sameProbability(even, 0.5)).toBeCloseTo(0.5, 1);
    const rare = logisticCalibration(scores, labels, 0.01);
    expect(rare.intercept - even.intercept).toBeCloseTo(Math.log(0.01 / 0.99), 12);
    const own = logisticCalibration(scores, labels, 0.25);
    expect(
      reliability(
        scores.map((score) => sameProbability(own, score)),
        labels,
      ).expectedError,
    ).toBeLessThan(0.02);
    expect(() => logisticCalibration(scores, labels, 1)).toThrow('prior is 1');
  });

  it('gives all-equal scores the prior', () => {
    const calibration = logisticCalibration([0.3, 0.3, 0.3, 0.3], [1, 0, 1, 0], 0.2);
    expect(sameProbability(calibration, 0.3)).toBeCloseTo(0.2, 6);
  });
});

describe('splitHalfStability', () => {
  const random = new Random(2);
  const labels = Array.from({ length: 2000 }, (_, i) => i % 2);
  const scores = labels.map((same) => random.normal(same, 0.5));

  it('finds about the rate it asked for, with a spread that covers it', () => {
    const { far, thresholdDistance } = splitHalfStability(scores, labels, 0.05, new Random(1))!;
    expect(Math.abs(far.mean - 0.05)).toBeLessThan(0.01);
    expect(far.low).toBeLessThan(0.05);
    expect(far.high).toBeGreaterThan(0.05);
    expect(thresholdDistance).toBeGreaterThan(0);
    expect(thresholdDistance).toBeLessThan(0.2);
    expect(splitHalfStability(scores, labels, 0.05, new Random(1))).toEqual(
      splitHalfStability(scores, labels, 0.05, new Random(1)),
    );
  });

  it('is certain of thresholds that are Infinity in both halves, as strangers are the most alike', () => {
    const tied = labels.map((same) => Number(same === 0));
    expect(splitHalfStability(tied, labels, 0.05, new Random(1))).toEqual({
      thresholdDistance: 0,
      far: { mean: 0, low: 0, high: 0 },
    });
  });

  it('says when half the list is too short', () => {
    expect(splitHalfStability(scores, labels, 0.0015, new Random(1))).toBeNull();
  });
});
