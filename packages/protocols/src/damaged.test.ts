import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { damage, damageText, fuzz, fuzzTimeout } from '@protomem/core/testing';
import { npyHeader } from '@protomem/data';
import { afterAll, beforeAll, it } from 'vitest';
import { openEmbedder } from './embed-faces.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'protomem-embeddings-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

it('refuses damaged embeddings that are stored', fuzzTimeout, async () => {
  const path = join(dir, 'a.npy');
  const array = Buffer.concat([npyHeader([3, 2]), new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)]);
  await fuzz(
    'stored embeddings',
    (random) => {
      writeFileSync(path, random.below(2) ? array : damage(array, random));
      const names = damageText('a/1.jpg\na/2.jpg\nb/1.jpg\n', random, ['\n', '/', '\\u001b', '//'.repeat(500), '']);
      writeFileSync(join(dir, 'a.txt'), names);
      return openEmbedder(path, 1, {});
    },
    { share: 0.25 },
  );
});
