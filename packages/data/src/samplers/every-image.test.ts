import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyImage } from './every-image.ts';

const sourceOf = (counts: readonly number[]) => ({
  name: 'people',
  identities: counts.length,
  imagesOf: (identity: number) => counts[identity]!,
});

describe('everyImage', () => {
  it('shows each image once a pass, an incomplete portion again, K of one identity side by side', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(1000),
        (counts, images, seed) => {
          const sampler = everyImage({ source: sourceOf(counts), classes: 1, images, seed });
          for (let pass = 0; pass < 2; pass++) {
            const seen = counts.map((count) => new Array<number>(count).fill(0));
            for (let i = 0; i < sampler.batchesPerEpoch; i++) {
              const portion = sampler.next();
              expect(new Set(portion.map(({ identity }) => identity)).size).toBe(1);
              for (const { identity, image } of portion) seen[identity]![image]!++;
            }
            for (const [identity, count] of counts.entries()) {
              const shown = seen[identity]!.reduce((a, b) => a + b);
              expect(shown).toBe(Math.ceil(count / images) * images);
              const least = Math.floor(shown / count);
              for (const times of seen[identity]!) expect([least, least + 1]).toContain(times);
            }
          }
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  it('fills the places that are left from nobody without images', () => {
    const counts = [3, 0, 3, 3, 0, 2];
    const sampler = everyImage({ source: sourceOf(counts), classes: 2, images: 4, fewImages: 'fill' });
    for (let batch = 0; batch < 20; batch++) {
      const plan = sampler.next();
      expect(plan).toHaveLength(8);
      for (const { identity, image } of plan) expect(image).toBeLessThan(counts[identity]!);
    }
  });

  it('goes on from its state and refuses that of another', () => {
    const options = { source: sourceOf([5, 2, 3, 8]), classes: 3, images: 2 };
    const first = everyImage(options);
    for (let i = 0; i < 7; i++) first.next();
    const state = JSON.parse(JSON.stringify(first.state()));
    const second = everyImage(options);
    second.restore(state);
    expect([second.next(), second.next()]).toEqual([first.next(), first.next()]);
    expect(() => everyImage({ ...options, images: 3 }).restore(state)).toThrow(
      'everyImage: portions of the saved state',
    );
    expect(everyImage({ ...options, seed: 1 }).next()).not.toEqual(everyImage(options).next());
  });
});
