import type { ImageSource } from '@protomem/core';
import { expect, it } from 'vitest';
import { duplicatesTable } from './duplicates-table.ts';

it('names both of a pair, and an image of each', async () => {
  const source: ImageSource = {
    name: 'test',
    identities: 3,
    imagesOf: () => 1,
    identityName: (identity) => ['Ann', 'A\tnn\n', 'Bo'][identity]!,
    async load(identity) {
      if (identity === 2) throw new Error('gone');
      return { name: `${identity}.jpg`, bytes: new Uint8Array() };
    },
  };
  const suspects = [
    { a: 0, b: 1, cosine: 0.91234, step: 3 },
    { a: 0, b: 2, cosine: 0.8, step: 2 },
  ];
  expect(await duplicatesTable(source, suspects)).toBe(
    'name\tname\tcosine\timage\timage\n' +
      'Ann\tA\\u0009nn\\u000a\t0.9123\t0.jpg\t1.jpg\n' +
      'Ann\tBo\t0.8\t0.jpg\t(not readable)\n',
  );
});
