import { describe, expect, it } from 'vitest';
import { StalenessBins, stalenessCurve } from './staleness.ts';

describe('staleness', () => {
  it('is drawn as a curve of means over widening ages', () => {
    const probe = (age: number, cosine: number) => ({ id: 1, age, cosine });
    expect(stalenessCurve([probe(100, 0.5), probe(0, 1), probe(1, 0.9), probe(104, 0.25), probe(1, 0.8)])).toEqual([
      { age: 0, cosine: 1, count: 1 },
      { age: 1, cosine: (0.9 + 0.8) / 2, count: 2 },
      { age: 102, cosine: 0.375, count: 2 },
    ]);
    expect(stalenessCurve([])).toEqual([]);
  });

  it('goes on from its state', () => {
    const [bins, other] = [new StalenessBins(), new StalenessBins()];
    for (const age of [1, 7, 2 ** 40]) bins.add(age, 0.5);
    other.add(3, 1);
    other.restore(bins.state().data as Float64Array);
    expect(other.curve()).toEqual(bins.curve());
    expect(other.curve().map(({ age }) => age)).toEqual([1, 7, 2 ** 40]);
    other.reset();
    expect(other.curve()).toEqual([]);
  });
});
