import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderCurve, equalErrorRate, rocCurve } from './roc-curve.ts';

interface Case {
  readonly name: string;
  readonly scores: number[];
  readonly labels: number[];
  readonly thresholds: number[];
  readonly far: number[];
  readonly tar: number[];
  readonly auc: number;
}

const golden = JSON.parse(readFileSync(new URL('../fixtures/scikit-learn.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

/** Lists with many ties and at least one pair of each kind. */
const lists = fc
  .array(fc.tuple(fc.integer({ min: -10, max: 10 }), fc.boolean()), { minLength: 2, maxLength: 60 })
  .filter((pairs) => pairs.some(([, same]) => same) && pairs.some(([, same]) => !same))
  .map((pairs) => ({ scores: pairs.map(([score]) => score / 10), labels: pairs.map(([, same]) => same) }));

describe('rocCurve', () => {
  it.each(golden.cases)("equals scikit-learn's: $name", ({ scores, labels, thresholds, far, tar, auc }) => {
    const curve = rocCurve(scores, labels);
    // A curve has one zero: -0 and 0 are the same score.
    expect([...curve.thresholds].map((t) => t + 0)).toEqual([
      Number.POSITIVE_INFINITY,
      ...thresholds.map((t) => t + 0),
    ]);
    expect([...curve.far]).toEqual(far);
    expect([...curve.tar]).toEqual(tar);
    expect(areaUnderCurve(curve)).toBeCloseTo(auc, 12);
  });

  it('says at each threshold what counting says', () => {
    fc.assert(
      fc.property(lists, ({ scores, labels }) => {
        const curve = rocCurve(scores, labels);
        curve.thresholds.forEach((threshold, i) => {
          const accepted = (same: boolean): number => {
            const kind = scores.filter((_, j) => labels[j] === same);
            return kind.filter((score) => score >= threshold).length / kind.length;
          };
          expect(curve.far[i]).toBe(accepted(false));
          expect(curve.tar[i]).toBe(accepted(true));
        });
        expect(curve.far.at(-1)).toBe(1);
        expect(curve.tar.at(-1)).toBe(1);
      }),
      { seed: 1 },
    );
  });

  it('refuses what has no curve', () => {
    expect(() => rocCurve([0.1, 0.2], [1, 1])).toThrow('labels is "2 same and 0 different"');
    expect(() => rocCurve([0.1, Number.NaN], [1, 0])).toThrow('scores[1] is NaN, expected a finite number');
    expect(() => rocCurve([0.1, 0.2], [1, 2])).toThrow('labels[1] is 2');
    expect(() => rocCurve([0.1, 0.2], [1])).toThrow('length of labels is 1, expected 2');
    expect(() => rocCurve([], [])).toThrow('0 same and 0 different');
  });
});

describe('areaUnderCurve', () => {
  it('is the chance that a same pair outscores a different one', () => {
    fc.assert(
      fc.property(lists, ({ scores, labels }) => {
        const same = scores.filter((_, i) => labels[i]);
        const different = scores.filter((_, i) => !labels[i]);
        let wins = 0;
        for (const s of same) for (const d of different) wins += s > d ? 1 : s === d ? 0.5 : 0;
        expect(areaUnderCurve(rocCurve(scores, labels))).toBeCloseTo(wins / (same.length * different.length), 12);
      }),
      { seed: 2 },
    );
  });
});

describe('equalErrorRate', () => {
  it('is 0 when all is separated, 1 when all is upside down, 1/2 when nothing is', () => {
    expect(equalErrorRate(rocCurve([0.9, 0.8, 0.2], [1, 1, 0])).rate).toBe(0);
    expect(equalErrorRate(rocCurve([0.1, 0.2, 0.8], [1, 1, 0])).rate).toBe(1);
    expect(equalErrorRate(rocCurve([0.5, 0.5, 0.5], [1, 1, 0])).rate).toBe(0.5);
  });

  it('is exact where a threshold makes both errors equal', () => {
    const { rate, threshold } = equalErrorRate(rocCurve([0.9, 0.7, 0.6, 0.4, 0.3, 0.1], [1, 1, 0, 1, 0, 0]));
    expect(rate).toBeCloseTo(1 / 3, 12);
    expect(threshold).toBe(0.6);
  });

  it('lies between the errors on both sides of the crossing', () => {
    fc.assert(
      fc.property(lists, ({ scores, labels }) => {
        const curve = rocCurve(scores, labels);
        const { rate, threshold } = equalErrorRate(curve);
        const worse = Math.min(...curve.far.map((far, i) => Math.max(far, 1 - curve.tar[i]!)));
        const better = Math.max(...curve.far.map((far, i) => Math.min(far, 1 - curve.tar[i]!)));
        expect(rate).toBeLessThanOrEqual(worse + 1e-12);
        expect(rate).toBeGreaterThanOrEqual(better - 1e-12);
        expect(Number.isFinite(threshold)).toBe(true);
      }),
      { seed: 3 },
    );
  });
});
