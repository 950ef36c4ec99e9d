import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { damage, damageText } from '../fixtures/damage.ts';
import { fuzz, fuzzTimeout } from '../fixtures/fuzz.ts';
import { decodeImage } from './decode.ts';
import { npyHeader, readNpy } from './npy.ts';
import { isPlainJpeg } from './plain-jpeg.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'protomem-files-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

it('refuses damaged arrays of numpy', fuzzTimeout, async () => {
  const header = npyHeader([2, 3]);
  const numbers = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
  const text = Buffer.from(header.subarray(10)).toString('latin1');
  const path = join(dir, 'a.npy');
  const pieces = [
    "'shape': (",
    '9'.repeat(30),
    ',',
    '(',
    ')',
    "'",
    '-1',
    '1e5',
    'True',
    '<f2',
    '>f8',
    "'descr': '|O'",
    ' ',
  ];
  await fuzz('npy', (random) => {
    const parts = random.below(2)
      ? [damage(Buffer.concat([header, numbers]), random)]
      : [header.subarray(0, 10), damageText(text, random, pieces), numbers];
    writeFileSync(path, Buffer.concat(parts));
    return readNpy(path);
  });
});

it('refuses or decodes damaged images', fuzzTimeout, async () => {
  const raw = { width: 24, height: 24, channels: 3 } as const;
  const image = sharp(
    Uint8Array.from({ length: 24 * 24 * 3 }, (_, i) => (i * 7) % 256),
    { raw },
  );
  const seeds = await Promise.all([image.jpeg().toBuffer(), image.png().toBuffer(), image.webp().toBuffer()]);
  await fuzz(
    'jpeg: is it plain',
    (random) => expect(isPlainJpeg(damage(seeds[0]!, random), raw)).toBeTypeOf('boolean'),
    // It says no.
    { refused: [-1, 1] },
  );
  await fuzz(
    'images: jpeg, png, webp',
    async (random, i) => {
      const pixels = await decodeImage(damage(seeds[i % 3]!, random), { height: 24, width: 24, name: 'a.jpg' });
      expect(pixels.length).toBe(24 * 24 * 3);
    },
    // A picture survives most bits of its own.
    { share: 0.1, refused: [0.05, 0.99] },
  );
});
