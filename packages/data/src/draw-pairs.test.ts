import { describe, expect, it } from 'vitest';
import { paintedPeople } from '../fixtures/painted-people.ts';
import { drawPairs } from './draw-pairs.ts';

const faces = paintedPeople({ identities: 30, imagesPerIdentity: 4, seed: 0 });
/** Every third person has one image. */
const source = { ...faces, imagesPerIdentity: undefined, imagesOf: (i: number) => (i % 3 === 0 ? 1 : 4) } as never;

describe('drawPairs', () => {
  it('draws different pairs of both kinds in turn, of so many people with several images', () => {
    const pairs = drawPairs(source, { people: 10, pairs: 30, seed: 3 });
    expect(pairs.map(({ same }) => same)).toEqual(Array.from({ length: 60 }, (_, i) => i % 2 === 0));
    for (const { a, b, same } of pairs) {
      expect(a[0] === b[0]).toBe(same);
      if (same) expect(a[1]).not.toBe(b[1]);
      for (const [identity, image] of [a, b]) {
        expect(identity % 3).not.toBe(0);
        expect(image).toBeLessThan(4);
      }
    }
    expect(new Set(pairs.flatMap(({ a, b }) => [a[0], b[0]])).size).toBeLessThanOrEqual(10);
    expect(new Set(pairs.map(({ a, b }) => [a.join(), b.join()].sort().join(';'))).size).toBe(60);
  });

  it('repeats itself by its seed', () => {
    const options = { people: 8, pairs: 20, seed: 5 };
    expect(drawPairs(source, options)).toEqual(drawPairs(source, options));
    expect(drawPairs(source, options)).not.toEqual(drawPairs(source, { ...options, seed: 6 }));
  });

  it.each([
    [[15, 2], 15],
    [[20, 2, 2], 42],
  ])('draws no more of two people than there are: images %j', (images, most) => {
    const few = {
      ...faces,
      identities: images.length,
      imagesPerIdentity: undefined,
      imagesOf: (i: number) => images[i]!,
    };
    const drawn = (pairs: number) => drawPairs(few, { people: images.length, pairs });
    expect(drawn(most).filter(({ same }) => !same)).toHaveLength(most);
    expect(() => drawn(most + 1)).toThrow(`pairs is ${most + 1}, expected at most ${most}`);
  });

  it('refuses more than there are', () => {
    expect(() => drawPairs(source, { people: 21, pairs: 1 })).toThrow('people is 21, expected at most 20');
    expect(() => drawPairs(source, { people: 2, pairs: 7 })).toThrow('pairs is 7, expected at most 6');
  });
});
