import { Random } from '@protomem/core';
import { describe, expect, it } from 'vitest';
import { bootstrap } from './bootstrap.ts';
import { tarAtFar } from './tar-at-far.ts';

const random = new Random(3);
const labels = Uint8Array.from({ length: 600 }, (_, i) => i % 2);
const scores = Float64Array.from(labels, (same) => random.normal(same ? 1 : 0, 1));
const share = (s: Float64Array, l: Uint8Array): number =>
  s.filter((score, i) => l[i] === 1 && score >= 1).length / l.reduce((sum, label) => sum + label, 0);
const tar = (s: Float64Array, l: Uint8Array): number | null => tarAtFar(s, l, 1e-2).tar;

describe('bootstrap', () => {
  it('agrees with the formula where there is one: a share at a fixed threshold', () => {
    const p = share(scores, labels);
    const error = Math.sqrt((p * (1 - p)) / 300);
    const { standardError, interval } = bootstrap(scores, labels, share, { random: new Random(1), draws: 2000 });
    expect(standardError / error).toBeCloseTo(1, 1);
    expect((interval[1] - interval[0]) / (2 * 1.96 * error)).toBeCloseTo(1, 1);
  });

  it('exceeds the binomial error of TAR at a small FAR, where the threshold is the larger doubt', () => {
    const drawn = bootstrap(scores, labels, tar, { random: new Random(1) });
    expect(drawn.standardError).toBeGreaterThan(tarAtFar(scores, labels, 1e-2).standardError!);
    expect(bootstrap(scores, labels, tar, { random: new Random(1) })).toEqual(drawn);
  });

  it('sees by people that pairs of one person fail together', () => {
    // 60 people with five pairs each that all score alike: the doubt is that of 60 trials, not of 300.
    const draws = new Random(8);
    const own = Array.from({ length: 300 }, (_, i) => Math.floor(i / 5));
    const good = Array.from({ length: 60 }, () => draws.uniform() < 0.7);
    const people = Array.from({ length: 600 }, (_, i) => (i < 300 ? own[i]! : i - 300)).flatMap((person, i) =>
      i < 300 ? [person, person] : [person % 60, (person + 7) % 60],
    );
    const kinds = Uint8Array.from({ length: 600 }, (_, i) => Number(i < 300));
    const values = Float64Array.from(kinds, (kind, i) => (kind && good[own[i]!] ? 2 : 0));
    const p = share(values, kinds);
    const byPairs = bootstrap(values, kinds, share, { random: new Random(1), draws: 1000 }).standardError;
    const byPeople = bootstrap(values, kinds, share, { random: new Random(1), draws: 1000, people }).standardError;
    expect(byPairs / Math.sqrt((p * (1 - p)) / 300)).toBeCloseTo(1, 1);
    expect(Math.abs(byPeople / Math.sqrt((p * (1 - p)) / 60) - 1)).toBeLessThan(0.12);
  });

  it('refuses what it cannot draw from', () => {
    expect(() => bootstrap(scores, labels, tar, { random, people: [1, 2] })).toThrow(
      'length of people is 2, expected 1200',
    );
    expect(() => bootstrap(scores, labels, (s, l) => tarAtFar(s, l, 1e-4).tar, { random })).toThrow(
      'the measure on draw 0 is null',
    );
    expect(() => bootstrap(scores, labels, tar, { random, draws: 1 })).toThrow('draws is 1');
    expect(() => bootstrap(scores, labels, tar, { random, confidence: 1 })).toThrow('confidence is 1');
  });
});
