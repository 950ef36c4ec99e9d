import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Random } from '@protomem/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ThresholdRuleName } from './threshold-rules.ts';
import { accuracyAt, bestThreshold, foldsFor, holdOut, verification } from './verification.ts';
import { verificationReport } from './verification-report.ts';

interface Figures {
  readonly accuracies: number[];
  readonly mean: number;
  readonly standardDeviation: number;
  readonly standardError: number;
}

const golden = JSON.parse(readFileSync(new URL('../fixtures/protocols.json', import.meta.url), 'utf8'))
  .verification as {
  name: string;
  scores: number[];
  labels: number[];
  folds: number;
  expected: Record<string, Figures>;
}[];

/** Every threshold tried on every pair. */
function naiveBest(scores: number[], labels: boolean[]): number {
  const distinct = [...new Set(scores)].sort((a, b) => a - b);
  const thresholds = [-2, ...distinct.slice(1).map((score, i) => (score + distinct[i]!) / 2), 2];
  return Math.max(...thresholds.map((t) => scores.filter((s, i) => s >= t === labels[i]).length / scores.length));
}

describe('bestThreshold', () => {
  it('is as good as the best of all, and its accuracy is what counting gives', () => {
    const lists = fc
      .array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.boolean()), { minLength: 2, maxLength: 40 })
      .filter((pairs) => pairs.some(([, same]) => same) && pairs.some(([, same]) => !same));
    fc.assert(
      fc.property(lists, (pairs) => {
        const scores = pairs.map(([score]) => score / 10);
        const labels = pairs.map(([, same]) => same);
        const { threshold, accuracy } = bestThreshold(scores, labels);
        expect(accuracy).toBe(naiveBest(scores, labels));
        expect(accuracyAt(scores, labels, threshold)).toBe(accuracy);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('lies midway between two scores, the highest of equals', () => {
    expect(bestThreshold([0.75, 0.5, 0.25], [1, 1, 0])).toEqual({ threshold: 0.375, accuracy: 1 });
    expect(bestThreshold([0.75, 0.5, 0.25, 0], [1, 0, 1, 0])).toEqual({ threshold: 0.625, accuracy: 0.75 });
    expect(bestThreshold([0.75, 0.5], [0, 1])).toEqual({ threshold: Number.POSITIVE_INFINITY, accuracy: 0.5 });
    expect(bestThreshold([0.5, 0.5, 0.5], [1, 1, 0])).toEqual({ threshold: 0.5, accuracy: 2 / 3 });
  });

  it('separates neighbouring doubles', () => {
    const low = 1 - Number.EPSILON / 2;
    expect(bestThreshold([1, low], [1, 0])).toEqual({ threshold: 1, accuracy: 1 });
  });
});

describe('verification', () => {
  const random = new Random(5);
  const labels = Uint8Array.from({ length: 103 }, (_, i) => (i >> 1) % 2);
  const scores = Float64Array.from(labels, (same) => random.normal(same * 0.3, 0.2));

  it('tests each fold at the threshold of the others', () => {
    const result = verification(scores, labels, { folds: 10, thresholdRule: 'exact' });
    // 103 pairs: three blocks of 11, then seven of 10.
    const starts = [0, 11, 22, 33, 43, 53, 63, 73, 83, 93, 103];
    const accuracies = result.folds.map((fold, k) => {
      const inside = (_: unknown, i: number): boolean => i >= starts[k]! && i < starts[k + 1]!;
      const outside = (_: unknown, i: number): boolean => !inside(_, i);
      const { threshold } = bestThreshold(scores.filter(outside), labels.filter(outside));
      expect(fold).toMatchObject({ threshold, pairs: starts[k + 1]! - starts[k]! });
      return accuracyAt(scores.filter(inside), labels.filter(inside), threshold);
    });
    expect(result.folds.map((fold) => fold.accuracy)).toEqual(accuracies);
    const mean = accuracies.reduce((a, b) => a + b) / 10;
    const variance = accuracies.reduce((a, b) => a + (b - mean) ** 2, 0) / 10;
    expect(result.accuracy).toBeCloseTo(mean, 12);
    expect(result.standardDeviation).toBeCloseTo(Math.sqrt(variance), 12);
    expect(result.standardError).toBeCloseTo(Math.sqrt((variance * 10) / 9 / 10), 12);
    expect(result.binomialError).toBeCloseTo(Math.sqrt((mean * (1 - mean)) / 103), 12);
  });

  it('deals a View 1 list, same pairs first, so that each fold has both kinds', () => {
    const view1 = Array.from({ length: 100 }, (_, i) => i < 50);
    const result = verification(
      view1.map((same) => (same ? 0.9 : 0.1)),
      view1,
      { split: 'interleaved', folds: 10 },
    );
    expect(result).toMatchObject({ accuracy: 1, standardDeviation: 0, standardError: 0 });
    expect(result.folds.map((fold) => fold.pairs)).toEqual(new Array(10).fill(10));
  });

  it('is 1 when separated and what the base rate gives when all scores are equal', () => {
    const balanced = Array.from({ length: 40 }, (_, i) => i % 2 === 0);
    expect(verification(balanced.map(Number), balanced).accuracy).toBe(1);
    expect(verification(new Float64Array(40).fill(0.3), balanced).accuracy).toBe(0.5);
  });

  it('is about 1/2 without signal: the test fold is never used to choose', () => {
    const noise = new Random(9);
    const coin = Array.from({ length: 4000 }, (_, i) => i % 2);
    const { accuracy } = verification(
      coin.map(() => noise.uniform()),
      coin,
    );
    expect(Math.abs(accuracy - 0.5)).toBeLessThan(0.03);
  });

  it.each(golden)("has each tool's accuracy in every fold: $name", ({ scores, labels, folds, expected }) => {
    for (const [thresholdRule, { accuracies, mean, standardDeviation, standardError }] of Object.entries(expected)) {
      const result = verification(scores, labels, { folds, thresholdRule: thresholdRule as ThresholdRuleName });
      expect(
        result.folds.map(({ accuracy }) => accuracy),
        thresholdRule,
      ).toEqual(accuracies);
      expect(result.accuracy).toBeCloseTo(mean, 12);
      expect(result.standardDeviation).toBeCloseTo(standardDeviation, 12);
      expect(result.standardError).toBeCloseTo(standardError, 12);
    }
  });

  it('takes one pair of the same person among a million', () => {
    const many = new Float32Array(1_000_000).fill(0.1);
    many[500_000] = 0.9;
    const one = new Uint8Array(many.length);
    one[500_000] = 1;
    expect(holdOut({ scores: many, labels: one }, { scores: many, labels: one })).toMatchObject({
      developmentAccuracy: 1,
      accuracy: 1,
    });
    // Outside its own fold there is nothing to choose a threshold with.
    expect(() => verification(many, one)).toThrow('all folds but 5: labels is "0 same and 900000 different"');
  });

  it('refuses bad options', () => {
    expect(() => verification(scores, labels, { thresholdRule: 'facex' as ThresholdRuleName })).toThrow(
      'expected one of insightface, facex-zoo, scikit-learn, exact',
    );
    expect(() => verification(scores, labels, { folds: 1 })).toThrow('verification: folds is 1');
    expect(() => verification(scores, labels, { split: 'random' as 'contiguous' })).toThrow(
      'expected one of contiguous, interleaved',
    );
    expect(() => verification([1, 0], [1, 0], { folds: 2 })).toThrow('0 same and 1 different');
    const [few, kinds] = [
      [6, 5, 4, 3, 2, 1],
      [1, 1, 1, 0, 0, 0],
    ];
    expect(() => verification(few, kinds, { folds: 4, split: 'interleaved' })).toThrow(
      'verification: pairs of fold 3 of 4, interleaved is 0, expected at least 1',
    );
    expect([foldsFor(kinds), foldsFor(kinds, 2), foldsFor(Array.from({ length: 40 }, (_, i) => i % 2))]).toEqual([
      3, 2, 10,
    ]);
    expect(() => foldsFor([1, 0, 0])).toThrow('foldsFor: pairs of one person and of two is [1, 2]');
    expect(() => verification([1, 0], [1, 0], { folds: 3 })).toThrow('folds is 3, expected an integer in [2, 2]');
  });
});

describe('holdOut', () => {
  it('tests the threshold of one list on the other', () => {
    const development = { scores: [0.9, 0.7, 0.3, 0.1], labels: [1, 1, 0, 0] };
    const test = { scores: [0.8, 0.45, 0.6, 0.2], labels: [1, 1, 0, 0] };
    const exact = holdOut(development, test, { thresholdRule: 'exact' });
    expect(exact).toEqual({ threshold: 0.5, developmentAccuracy: 1, accuracy: 0.5, binomialError: 0.25, pairs: 4 });
    // The grid's first threshold below 0.7 is the smallest distance that takes both pairs.
    expect(holdOut(development, test).threshold).toBeCloseTo(0.695, 12);
  });

  it('says which list is at fault', () => {
    const good = { scores: [1, 0], labels: [1, 0] };
    expect(() => holdOut(good, { scores: [1, Number.NaN], labels: [1, 0] })).toThrow('holdOut: test: scores[1] is NaN');
    expect(() => holdOut({ scores: [1], labels: [1] }, good)).toThrow('holdOut: development: labels');
  });
});

describe('verificationReport', () => {
  it('is plain data that agrees with its parts', () => {
    const random = new Random(7);
    const labels = Array.from({ length: 400 }, (_, i) => i < 200);
    const scores = labels.map((same) => Math.max(-1, Math.min(1, random.normal(same ? 0.5 : 0, 0.2))));
    const report = verificationReport(scores, labels, { split: 'interleaved', fars: [0.1, 1e-3], bins: 10 });
    expect(report).toMatchObject(verification(scores, labels, { split: 'interleaved' }));
    expect(report.tarAtFar.map(({ far, reachable }) => [far, reachable])).toEqual([
      [0.1, true],
      [1e-3, false],
    ]);
    expect(report.scores.same.counts.reduce((a, b) => a + b)).toBe(200);
    expect(report.scores.different.counts.reduce((a, b) => a + b)).toBe(200);
    expect(report.roc.far[0]).toBe(0);
    expect(report.roc.tar.at(-1)).toBe(1);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe('a pretrained encoder on LFW View 2', () => {
  const folder = process.env.PROTOMEM_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));
  const path = `${folder}/reference/lfw_pair_scores_fr_feature_onnx.tsv`;
  const present = existsSync(path);
  if (!present) console.log(`Skipped: ${path} is not there (set PROTOMEM_DATA to the folder of reference data).`);

  it.skipIf(!present)('has the accuracy and the rates that are stated for its scores', () => {
    const rows = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('\t').map(Number));
    const scores = rows.map((row) => row[0]!);
    const labels = rows.map((row) => row[1]!);
    const stated = verificationReport(scores, labels);
    expect((100 * stated.accuracy).toFixed(2)).toBe('99.18');
    expect((100 * stated.standardDeviation).toFixed(2)).toBe('0.46');
    expect(stated.tarAtFar[1]!.tar!.toFixed(3)).toBe('0.990');
    expect(stated.tarAtFar[2]!.tar!.toFixed(3)).toBe('0.978');
    expect(stated.tarAtFar[3]!.reachable).toBe(false);
    // Exact thresholds: one pair of 6,000 falls the other way.
    const exact = verification(scores, labels, { thresholdRule: 'exact' });
    expect((100 * exact.accuracy).toFixed(2)).toBe('99.17');
    expect((100 * exact.standardDeviation).toFixed(2)).toBe('0.46');
  });
});

describe('thresholds that are too far apart', () => {
  /** Cosines between 0.9981 and 0.9999: no threshold of InsightFace's lies between, 0.005 apart as they are. */
  const labels = Uint8Array.from({ length: 200 }, (_, i) => Number(i % 2 === 0));
  const scores = Float64Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 0.9991 : 0.9981) + i * 4e-6);

  it('are said to be, and the exact figures stand beside', () => {
    const found = verification(scores, labels);
    expect(found.accuracy).toBe(0.5);
    expect(found.exact).toMatchObject({ accuracy: 1, standardDeviation: 0, lost: 0.5 });
    expect(verification(scores, labels, { thresholdRule: 'exact' })).not.toHaveProperty('exact');
    expect(verification(scores, labels, { thresholdRule: 'scikit-learn' })).not.toHaveProperty('exact');
    // 1,000 steps lie between the lowest and the highest score, unless one is far away.
    expect(verification(scores, labels, { thresholdRule: 'facex-zoo' })).not.toHaveProperty('exact');
    const [far, more] = [Float64Array.of(...scores, -1, -1), Uint8Array.of(...labels, 0, 1)];
    const outlier = verification(far, more, { thresholdRule: 'facex-zoo', split: 'interleaved' });
    expect(outlier.exact!.accuracy).toBeGreaterThan(outlier.accuracy + 0.3);
    const list = { scores, labels };
    expect(holdOut(list, list).exact).toEqual({ accuracy: 1, lost: 0.5 });
  });

  it('are not where one pair in thousands is at stake', () => {
    const wide = Float64Array.from({ length: 6000 }, (_, i) => (i % 2 === 0 ? 0.5 : 0.1) + 0.3 * Math.sin(7 * i));
    const same = Uint8Array.from({ length: 6000 }, (_, i) => Number(i % 2 === 0));
    expect(verification(wide, same)).not.toHaveProperty('exact');
  });
});
