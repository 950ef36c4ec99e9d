import { describe, expect, it } from 'vitest';
import { paintedPeople } from '../../fixtures/painted-people.ts';
import { openSource } from './open-source.ts';
import { selectIdentities } from './select-identities.ts';

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
