import { appendFile, cp, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ImageSource, ProtomemError, remarkLines } from '@protomem/core';
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
    const source = await recordIoSource(dir);
    expect(await texts(source)).toEqual([
      ['0', ['image 1', 'image 2']],
      ['2', ['image 3', 'image 4', 'image 5']],
    ]);
    expect(remarkLines(source.remarks)).toEqual([
      'in conflict: images whose label is not that of their identity record; the label decides: 1 ' +
        '(key 3: label 2, record of identity 2: keys 4 to 5, record of identity 1: keys 3 to 3)',
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

/** Writes records and their `.idx`; of each its key, label or labels, and image. */
async function records(...all: readonly (readonly [number, number | readonly number[], string?])[]): Promise<void> {
  let offset = 0;
  const lines: string[] = [];
  const parts = all.map(([key, labels, image = '']) => {
    const bytes = recordOf(key, labels, Buffer.from(image));
    lines.push(`${key}\t${offset}\n`);
    offset += bytes.length;
    return bytes;
  });
  await writeFile(join(dir, 'a.rec'), Buffer.concat(parts));
  await writeFile(join(dir, 'a.idx'), lines.join(''));
}

describe('a RecordIO file that contradicts itself', () => {
  const images = [0, 0, 1, 1, 2].map((label, i) => [i + 1, label, `image ${i + 1}`] as const);
  const said = async (): Promise<string[]> => {
    const source = await recordIoSource(dir);
    expect(await texts(source)).toEqual(people.map(([name], i) => [name, i === 2 ? ['image 5'] : texts2[i]!]));
    return remarkLines(source.remarks);
  };
  const texts2 = [
    ['image 1', 'image 2'],
    ['image 3', 'image 4'],
  ];

  it.each<[string, (readonly [number, readonly number[]])[], string[]]>([
    [
      'sound',
      [
        [6, [1, 3]],
        [7, [3, 5]],
        [8, [5, 6]],
      ],
      [],
    ],
    [
      'ranges that overlap',
      [
        [6, [1, 4]],
        [7, [3, 6]],
        [8, [5, 6]],
      ],
      [
        "in conflict: identity records that overlap; the images' own labels decide: 2 " +
          '(record of identity 0: keys 1 to 3, record of identity 1: keys 3 to 5; ' +
          'record of identity 1: keys 3 to 5, record of identity 2: keys 5 to 5)',
      ],
    ],
    [
      'a range that ends early',
      [
        [6, [1, 3]],
        [7, [3, 4]],
        [8, [5, 6]],
      ],
      [
        'in conflict: images that the identity records do not name; the label decides: 1 ' +
          '(key 4: label 1, record of identity 1: keys 3 to 3)',
      ],
    ],
    [
      'a range that is missing, one that is empty and one that is none',
      [
        [6, [1, 1]],
        [8, [5, 9]],
      ],
      [
        'in conflict: identities without their record: 1 (identity 1)',
        'in conflict: identity records that name no keys of images: 1 (identity 2: 5 to 9)',
        'in conflict: images that the identity records do not name; the label decides: 5 ' +
          '(key 1: label 0; key 2: label 0; key 3: label 1; ...)',
        'passed over: identities without images: 1 (identity 0)',
      ],
    ],
    [
      'one more range than record 0 names',
      [
        [6, [1, 3]],
        [7, [3, 5]],
        [8, [5, 6]],
        [9, [5, 6]],
      ],
      ['in conflict: identity records that record 0 does not name: 1 (key 9)'],
    ],
  ])('in its identity records: %s', async (_, ranges, expected) => {
    await records([0, [6, 9]], ...images, ...ranges);
    expect(await said()).toEqual(expected);
    // Without keys, the records are numbered as they come; with one missing, that is no key any more.
    await rm(join(dir, 'a.idx'));
    if (!expected.some((line) => /missing|without/.test(line))) expect(await said()).toEqual(expected);
  });

  it('in its .idx, which is cut, names offsets twice, or misses records', async () => {
    await records(...images);
    const lines = (await readFile(join(dir, 'a.idx'), 'utf8')).split('\n');
    await writeFile(join(dir, 'a.idx'), lines.slice(0, 3).join('\n'));
    const size = recordOf(1, 0, Buffer.from('image 1')).length;
    const unnamed =
      'in conflict: records of the .rec that its .idx does not name, left out; without the .idx they are read';
    let source = await recordIoSource(dir);
    expect([source.identities, remarkLines(source.remarks)]).toEqual([
      2,
      [`${unnamed}: 2 (offset ${3 * size}; offset ${4 * size})`],
    ]);

    await writeFile(join(dir, 'a.idx'), [...lines.slice(0, 4), `5\t${4 * size + 4}`, '6\t999999', '7\t0'].join('\n'));
    source = await recordIoSource(dir);
    expect(source.identities).toBe(2);
    expect(remarkLines(source.remarks)).toEqual([
      'in conflict: keys of the .idx that name a record again; the first is taken: 1 (key 7, offset 0)',
      `in conflict: offsets of the .idx at which no record begins: 2 (key 5, offset ${4 * size + 4}; key 6, offset 999999)`,
      `${unnamed}: 1 (offset ${4 * size})`,
    ]);

    await writeFile(join(dir, 'a.idx'), lines.join('\n'));
    await appendFile(join(dir, 'a.rec'), 'and more');
    expect(await said()).toEqual([
      `in conflict: stretches of the .rec that hold no record: 1 (8 bytes from offset ${5 * size})`,
    ]);
    await writeFile(join(dir, 'a.idx'), lines.map((line) => line && `${line}1`).join('\n'));
    await expect(recordIoSource(dir)).rejects.toThrow('a.rec: its .idx is "5 offsets, of which 5 miss a record"');
  });
});

describe('recordIoSource', () => {
  it('reads beyond 4 GiB, and refuses identities beyond 2^24', async () => {
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
