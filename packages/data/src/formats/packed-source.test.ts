import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSource } from '../sources/open-source.ts';
import { PackedBuilder } from './packed-builder.ts';
import { packedSource } from './packed-source.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-data-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** A file of blocks, each an image of some identity; and the source of it. */
async function pack(blocks: readonly { identity: number; bytes: Uint8Array }[], identities: readonly string[]) {
  const file = join(dir, 'packed');
  await writeFile(file, Buffer.concat(blocks.map(({ bytes }) => bytes)));
  const builder = new PackedBuilder();
  let offset = 0;
  for (const [i, { identity, bytes }] of blocks.entries()) {
    builder.push({ identity, name: `${i}.jpg`, file: 0, offset, length: bytes.length });
    offset += bytes.length;
  }
  return { file, index: builder.build('mine', [file], identities, 'nothing') };
}

describe('packedSource', () => {
  it('gives every image of every identity, in the order that they came, here and rebuilt from its description', async () => {
    const block = fc.record({ identity: fc.nat(3), bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 12 }), async (drawn) => {
        // Every identity has an image.
        const blocks = [...drawn, ...[0, 1, 2, 3].map((identity) => ({ identity, bytes: Uint8Array.of(identity) }))];
        const { index } = await pack(blocks, ['Ada', 'Bo', 'Çelik', 'Di']);
        for (const source of [packedSource(index), await openSource(structuredClone(packedSource(index).spec!))]) {
          expect(source.identities).toBe(4);
          for (let identity = 0; identity < 4; identity++) {
            const own = blocks.filter((one) => one.identity === identity);
            expect(source.identityName(identity)).toBe(['Ada', 'Bo', 'Çelik', 'Di'][identity]);
            expect(source.imagesOf(identity)).toBe(own.length);
            for (const [image, { bytes }] of own.entries()) {
              expect((await source.load(identity, image)).bytes).toEqual(Buffer.from(bytes));
            }
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('says which file was cut short, and where', async () => {
    const { file, index } = await pack(
      [0, 1].map((identity) => ({ identity, bytes: new Uint8Array(10) })),
      ['Ada', 'Bo'],
    );
    await truncate(file, 15);
    const source = packedSource(index);
    await expect(source.load(1, 0)).rejects.toThrow(
      `${file}#Bo/1.jpg is "a file of 15 bytes", expected 10 bytes at offset 10`,
    );
    expect((await source.load(0, 0)).bytes).toHaveLength(10);
  });
});
