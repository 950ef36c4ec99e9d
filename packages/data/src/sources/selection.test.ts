import { describe, expect, it } from 'vitest';
import { paintedPeople } from '../../fixtures/painted-people.ts';
import { openSource } from './open-source.ts';
import { selectIdentities } from './select-identities.ts';
import { selectImages } from './select-images.ts';

const all = paintedPeople({ identities: 5, imagesPerIdentity: 2, seed: 0 });

describe('selectIdentities', () => {
  it('numbers the chosen anew, in the same order, and can be rebuilt in a thread', async () => {
    const chosen = selectIdentities(all, { exclude: ['person-1', 'nobody'] });
    for (const source of [chosen, await openSource(structuredClone(chosen.spec!))]) {
      const names = Array.from({ length: source.identities }, (_, identity) => source.identityName(identity));
      expect(names).toEqual(['person-0', 'person-2', 'person-3', 'person-4']);
      expect(source.imagesOf(1)).toBe(2);
      expect(await source.load(1, 1)).toEqual(await all.load(2, 1));
    }
    expect(selectIdentities(all, { include: ['person-3', 'person-0'] }).identityName(1)).toBe('person-3');
  });

  it('works on a source without spec', () => {
    const { spec: _, ...own } = all;
    const chosen = selectIdentities(own, { exclude: ['person-0'] });
    expect(chosen.spec).toBeUndefined();
    expect(chosen.identities).toBe(4);
  });

  it('refuses names that are not there, and choices that leave too few', () => {
    expect(() => selectIdentities(all, { include: ['person-0', 'Ada'] })).toThrow('include is ["Ada"]');
    const misspelled = { minImage: 3 };
    expect(() => selectIdentities(all, misspelled)).toThrow('Did you mean "minImages"?');
    expect(() => selectIdentities(all, { minImages: 3 })).toThrow('of which 0 with at least 3 image(s)');
    expect(() => selectIdentities(all, { include: ['person-0'] })).toThrow('expected at least two that are left');
  });
});

describe('selectImages', () => {
  it('numbers the chosen anew, and can be rebuilt in a thread', async () => {
    const chosen = selectImages(all, (identity) => [[1], [], [1, 0], [0], [0, 1]][identity]!);
    for (const source of [chosen, await openSource(structuredClone(chosen.spec!))]) {
      expect(Array.from({ length: 5 }, (_, identity) => source.imagesOf(identity))).toEqual([1, 0, 2, 1, 2]);
      expect(source.identityName(3)).toBe('person-3');
      expect(await source.load(0, 0)).toEqual(await all.load(0, 1));
      expect(await source.load(2, 0)).toEqual(await all.load(2, 1));
      expect(await source.load(4, 1)).toEqual(await all.load(4, 1));
    }
    expect(selectIdentities(chosen, { minImages: 1 }).identities).toBe(4);
  });

  it('takes any number of images of one identity', () => {
    const many = paintedPeople({ identities: 2, imagesPerIdentity: 200_000, seed: 0 });
    const chosen = selectImages(many, (_, count) => Array.from({ length: count }, (_, image) => image));
    expect([chosen.imagesOf(0), chosen.imagesOf(1)]).toEqual([200_000, 200_000]);
  });

  it('refuses images that are not there', () => {
    expect(() => selectImages(all, () => [2])).toThrow('an image of person-0 is 2, expected an integer in [0, 1]');
  });
});
