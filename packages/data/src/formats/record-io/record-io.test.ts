import { cp, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ImageSource, ProtomemError } from '@protomem/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { damage } from '../../../fixtures/damage.ts';
import { boundedReader, fuzz, fuzzTimeout } from '../../../fixtures/fuzz.ts';
import { writePeople } from '../../../fixtures/people-folder.ts';
import { openSource } from '../../sources/open-source.ts';
import { folderSource } from '../folder/folder-source.ts';
import { writeFolder } from '../folder/write-folder.ts';
import { indexRecords } from './index-records.ts';
import { parseKeyIndex } from './key-index.ts';
import { parseNamesFile } from './names-file.ts';
import { joinParts, MAGIC } from './record.ts';
import { recordIoSource } from './record-io-source.ts';
import { recordOf, writeRecordIo } from './write-record-io.ts';

const golden = (name: string): string => fileURLToPath(new URL(`../../../fixtures/record-io/${name}`, import.meta.url));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-record-io-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Identities with the text of their images. */
async function texts(source: ImageSource): Promise<[string, string[]][]> {
  const all: [string, string[]][] = [];
  for (let identity = 0; identity < source.identities; identity++) {
    const images: string[] = [];
    for (let image = 0; image < source.imagesOf(identity); image++) {
      images.push(Buffer.from((await source.load(identity, image)).bytes).toString('latin1'));
    }
    all.push([source.identityName(identity), images]);
  }
  return all;
}

const people: [string, string[]][] = [
  ['0', ['image 1', 'image 2']],
  ['1', ['image 3']],
  ['2', ['image 4', 'image 5']],
];

describe('recordIoSource on files of an independent writer', () => {
  it("reads InsightFace's layout through its identity records, without .idx, and in a thread", async () => {
    const source = await recordIoSource(golden('insightface.rec'));
    expect(await texts(source)).toEqual(people);
    expect(await texts(await openSource(structuredClone(source.spec!)))).toEqual(people);
    await cp(golden('insightface.rec'), join(dir, 'a.rec'));
    expect(await texts(await recordIoSource(dir))).toEqual(people);
  });

  it('lets the labels decide where identity records contradict them', async () => {
    const bytes = await readFile(golden('insightface.rec'));
    // Image 3, of identity 1, becomes one of identity 2.
    const at = bytes.indexOf('image 3') - 8;
    expect(bytes.readFloatLE(at)).toBe(1);
    bytes.writeFloatLE(2, at);
    await writeFile(join(dir, 'a.rec'), bytes);
    await cp(golden('insightface.idx'), join(dir, 'a.idx'));
    expect(await texts(await recordIoSource(dir))).toEqual([
      ['0', ['image 1', 'image 2']],
      ['2', ['image 3', 'image 4', 'image 5']],
    ]);
  });

  it('groups shuffled images by label, and joins parts', async () => {
    expect(await texts(await recordIoSource(golden('shuffled.rec')))).toEqual([
      ['3', ['image 1', 'image 4']],
      ['5', ['image 3']],
      ['7', ['image 0', 'image 2']],
    ]);
    const magic = '\x0a\x23\xd7\xce';
    expect(await texts(await recordIoSource(golden('parts.rec')))).toEqual([
      ['0', [`${magic}abcd${magic}${magic}xy`]],
      ['1', [`z${magic}`]],
    ]);
  });
});

describe('recordIoSource', () => {
  it('reads beyond 4 GiB, and takes identities beyond 2^24 from nowhere', async () => {
    // A sparse file: nine records of half a GiB of nothing, then one image.
    const file = await open(join(dir, 'large.rec'), 'w');
    const step = 2 ** 29;
    for (let i = 0; i < 9; i++) {
      const head = Buffer.alloc(32);
      head.writeUInt32LE(MAGIC, 0);
      head.writeUInt32LE(step - 8, 4);
      await file.write(head, 0, 32, i * step);
    }
    await file.write(recordOf(9, 1, Buffer.from('far')), 0, undefined, 9 * step);
    await file.close();
    const source = await recordIoSource(dir);
    expect([source.imagesOf(0), source.imagesOf(1)]).toEqual([9, 1]);
    expect(Buffer.from((await source.load(1, 0)).bytes).toString()).toBe('far');

    await writeFile(join(dir, 'large.rec'), recordOf(0, 2 ** 24, Buffer.from('x')));
    await expect(recordIoSource(dir)).rejects.toThrow('the label at offset 0 is 16777216');
  });

  it('names file and offset of what is wrong', async () => {
    const file = join(dir, 'a.rec');
    await cp(golden('shuffled.rec'), file);
    await truncate(file, 60);
    await expect(recordIoSource(file)).rejects.toThrow(`${file}: offset 40 is`);
    await writeFile(file, 'no records at all');
    await expect(recordIoSource(file)).rejects.toThrow(`${file}: offset 0 is "0x`);
    await writeFile(join(dir, 'a.idx'), '0 0\n');
    await expect(recordIoSource(file)).rejects.toThrow('a.idx: line 1 is "0 0"');
    await expect(recordIoSource(join(dir, 'b.rec'))).rejects.toThrow(ProtomemError);
  });
});

it('refuses damaged files with an error of its own, whatever the damage', fuzzTimeout, async () => {
  const seeds = await Promise.all(
    ['insightface', 'parts'].map(async (name) => [
      await readFile(golden(`${name}.rec`)),
      await readFile(golden(`${name}.idx`)),
      Buffer.from('1\tAda/1.jpg\t0\n2\tAda/2.jpg\t0\n'),
    ]),
  );
  await fuzz('recordio: rec, idx, tsv', async (random, i) => {
    const [rec, idx, tsv] = seeds[i % 2]!.map((bytes) => damage(bytes, random, MAGIC));
    const index = random.below(2) ? parseKeyIndex(idx!, 'a.idx') : undefined;
    const names = random.below(2) ? parseNamesFile(tsv!, 'a.tsv') : undefined;
    await indexRecords(boundedReader('a.rec', rec!, 4096), index, names);
    joinParts(rec!, { file: 'a.rec', offset: 0 });
  });
});

describe('writeRecordIo', () => {
  it('round trip of any payload, with the magic number anywhere in it', () => {
    const word = fc.oneof(fc.constant([0x0a, 0x23, 0xd7, 0xce]), fc.array(fc.nat(255), { maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const image = Uint8Array.from(words.flat());
        const record = recordOf(3, [1, 2], image);
        expect(record.length % 4).toBe(0);
        expect(Buffer.from(joinParts(record, { file: 'f', offset: 0 }).subarray(32))).toEqual(Buffer.from(image));
      }),
    );
  });

  it.each(['insightface', 'plain'] as const)(
    'keeps names, order and bytes of a folder, there and back: %s',
    async (layout) => {
      await writePeople(join(dir, 'in'), [2, 1, 3, 1, 1, 1, 1, 1, 1, 1, 2, 1]);
      const folder = await folderSource(join(dir, 'in'));
      await writeRecordIo(folder, join(dir, 'rec'), { layout });
      const source = await recordIoSource(join(dir, 'rec'));
      const expected = await texts(folder);
      expect(await texts(source)).toEqual(expected);
      await writeFolder(source, join(dir, 'out'));
      expect(await texts(await folderSource(join(dir, 'out')))).toEqual(expected);
      expect((await (await folderSource(join(dir, 'out'))).load(2, 1)).name).toBe(join(dir, 'out', 'id2', '1.png'));
      expect(await readFile(join(dir, 'rec', 'property'), 'utf8')).toBe('12,12,10\n');
      await expect(writeRecordIo(folder, join(dir, 'rec'))).rejects.toThrow('there already');
    },
  );
});
