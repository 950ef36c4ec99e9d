import { describe, expect, it } from 'vitest';
import { Random } from './random.ts';

describe('Random', () => {
  it('repeats itself for a key and differs for another', () => {
    const draw = (...key: number[]) => Array.from({ length: 4 }, (_, i, rng = new Random(...key, i)) => rng.uint32());
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7, 1)).not.toEqual(draw(7));
    expect(new Random(2 ** 40 + 1).uint32()).not.toBe(new Random(1).uint32());
  });

  it('goes on from a saved state', () => {
    const rng = new Random(3);
    rng.uniform();
    const saved = JSON.parse(JSON.stringify(rng.state()));
    const expected = [rng.uint32(), rng.normal(), rng.below(10)];
    const other = new Random(99);
    other.restore(saved);
    expect([other.uint32(), other.normal(), other.below(10)]).toEqual(expected);
    expect(() => other.restore([1, 2, 3, -4])).toThrow('four unsigned 32-bit words');
    expect(() => other.restore([0, 0, 0, 0])).toThrow('not all zero');
    expect(() => other.restore(undefined as never)).toThrow('state is "missing"');
  });

  it('is uniform to within five standard errors', () => {
    const rng = new Random(11);
    const draws = 20_000;
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < draws; i++) counts[rng.below(7)]!++;
    const mean = draws / 7;
    for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(5 * Math.sqrt(mean));
    const uniform = Array.from({ length: draws }, () => rng.uniform(2, 4));
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...uniform)).toBeLessThan(4);
    expect(Math.abs(uniform.reduce((a, b) => a + b) / draws - 3)).toBeLessThan((5 * 2) / Math.sqrt(12 * draws));
  });

  it('gives normal deviates of the asked moments', () => {
    const rng = new Random(5);
    const x = Array.from({ length: 20_000 }, () => rng.normal(1, 2));
    const mean = x.reduce((a, b) => a + b) / x.length;
    const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
    expect(Math.abs(mean - 1)).toBeLessThan((5 * 2) / Math.sqrt(x.length));
    expect(Math.abs(variance - 4)).toBeLessThan(5 * 4 * Math.sqrt(2 / x.length));
  });

  it('shuffles without losing anybody and refuses an empty bound', () => {
    const shuffled = new Random(1).shuffle(Array.from({ length: 50 }, (_, i) => i));
    expect(shuffled).not.toEqual([...shuffled].sort((a, b) => a - b));
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(() => new Random(1).below(0)).toThrow('Random.below: bound is 0, expected an integer in [1, 2^53).');
    expect(new Random(1).below(2 ** 52)).toBeGreaterThan(2 ** 33);
  });
});
