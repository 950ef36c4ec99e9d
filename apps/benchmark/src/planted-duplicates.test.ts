import { syntheticFaces } from '@protomem/synthetic';
import { expect, it } from 'vitest';
import { plantDuplicates } from './planted-duplicates.ts';

it('splits people in two, and loses and doubles no image', async () => {
  const base = syntheticFaces({ identities: 10, imagesPerIdentity: 5, seed: 0, size: 16 });
  const { source, pairs } = plantDuplicates(base, 0.2, 3);
  expect([source.identities, pairs.length]).toEqual([12, 2]);
  expect(pairs.map(([, twin]) => twin)).toEqual([10, 11]);
  for (const [id, twin] of pairs) expect([source.imagesOf(id), source.imagesOf(twin)]).toEqual([3, 2]);
  const namesOf = async (faces: typeof base): Promise<string[]> => {
    const names: string[] = [];
    for (let id = 0; id < faces.identities; id++) {
      for (let image = 0; image < faces.imagesOf(id); image++) names.push((await faces.load(id, image)).name);
    }
    return names.sort();
  };
  expect(await namesOf(source as typeof base)).toEqual(await namesOf(base));
  const [id, twin] = pairs[0]!;
  expect((await source.load(twin, 1)).name).toBe((await base.load(id, 3)).name);
  expect(() => plantDuplicates(base, 1.2, 0)).toThrow('people to split is 12, expected at most 10');
});
