import { describe, expect, it } from 'vitest';
import { probit, wilsonInterval } from './intervals.ts';
import { detCurve, rocCurve } from './roc-curve.ts';
import { tarAtFars } from './tar-at-far.ts';

describe('wilsonInterval', () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('is the published one for %i of %i', (hits, count, low, high) => {
    const [a, b] = wilsonInterval(hits, count);
    expect(a).toBeCloseTo(low, 4);
    expect(b).toBeCloseTo(high, 4);
  });

  it('mirrors, and stays in [0, 1]', () => {
    const [low, high] = wilsonInterval(29, 29);
    expect(high).toBeCloseTo(1, 12);
    expect(low).toBeCloseTo(1 - wilsonInterval(0, 29)[1], 12);
  });
});

describe('probit', () => {
  // Quantiles of the normal distribution from tables.
  it.each([
    [0.5, 0],
    [0.975, 1.959964],
    [0.025, -1.959964],
    [0.999, 3.090232],
    [1e-6, -4.753424],
  ])('of %f is %f', (share, deviations) => {
    expect(probit(share)).toBeCloseTo(deviations, 5);
  });
});

describe('detCurve', () => {
  it('has the rates of the ROC curve, the accepted turned into the missed', () => {
    const curve = rocCurve([0.9, 0.6, 0.7, 0.1], [1, 1, 0, 0]);
    const det = detCurve(curve);
    expect([...det.far]).toEqual([...curve.far]);
    expect([...det.frr]).toEqual([...curve.tar].map((tar) => 1 - tar));
  });
});

describe('tarAtFars with the rule "nearest"', () => {
  // Strangers at 0.8, 0.5, 0.4, 0.3, same at 0.9, 0.6, 0.45: corners (0, 1/3), (1/4, 1/3), (1/4, 2/3), (1/2, 2/3), ...
  const scores = [0.9, 0.8, 0.6, 0.5, 0.45, 0.4, 0.3];
  const labels = [1, 0, 1, 0, 1, 0, 0];

  it('takes the nearest corner, although it may exceed the target or be unreachable', () => {
    const [low, under, over] = tarAtFars(scores, labels, [1e-6, 0.1, 0.2], { rule: 'nearest' });
    expect(low).toMatchObject({ reachable: true, actualFar: 0, tar: 1 / 3 });
    expect(under).toMatchObject({ actualFar: 0, tar: 1 / 3 });
    expect(over).toMatchObject({ actualFar: 0.25, tar: 2 / 3, threshold: 0.6 });
    expect(tarAtFars(scores, labels, [1e-6, 0.2]).map(({ reachable }) => reachable)).toEqual([false, false]);
  });

  it('refuses a rule it does not know', () => {
    expect(() => tarAtFars(scores, labels, [0.1], { rule: 'nearst' as never })).toThrow('nearest');
  });
});
