import { describe, expect, it } from 'vitest';
import { signFlipTest } from './sign-flip-test.ts';

describe('signFlipTest', () => {
  it('counts sign patterns by hand', () => {
    // Differences 1, 2, 3: only + + + and - - - reach 6.
    expect(signFlipTest([2, 4, 6], [1, 2, 3])).toMatchObject({ mean: 2, pValue: 2 / 8 });
    // Differences 1, -1, 1: sums are 3 twice, 1 six times: all reach 1.
    expect(signFlipTest([1, 0, 1], [0, 1, 0]).pValue).toBe(1);
    expect(signFlipTest([3, 5], [3, 5])).toEqual({ mean: 0, standardError: 0, pValue: 1 });
  });

  it('is the same from both sides, and the smaller the more folds agree', () => {
    const one = [0.91, 0.92, 0.9, 0.95, 0.93, 0.9, 0.92, 0.94, 0.91, 0.9];
    const other = one.map((value, i) => value - 0.01 - i / 1000);
    const test = signFlipTest(one, other);
    expect(test.pValue).toBe(2 / 1024);
    expect(test.mean).toBeCloseTo(0.0145, 12);
    // Differences 0.010 ... 0.019: variance 82.5e-6 / 9 over 10 folds.
    expect(test.standardError).toBeCloseTo(Math.sqrt(82.5e-6 / 90), 12);
    expect(signFlipTest(other, one)).toEqual({ ...test, mean: -test.mean });
  });

  it('refuses what it cannot pair', () => {
    expect(() => signFlipTest([1, 2], [1])).toThrow('2 and 1');
    expect(() => signFlipTest([Number.NaN, 1, 2], [1, 1, 2])).toThrow('one[0] is NaN');
    expect(() => signFlipTest([1, 1, 2], [1, 1, Number.POSITIVE_INFINITY])).toThrow('other[2] is Infinity');
    expect(() => signFlipTest([1], [1])).toThrow('1 and 1');
    expect(() => signFlipTest(new Array(21).fill(0), new Array(21).fill(0))).toThrow('2 to 20');
  });
});
