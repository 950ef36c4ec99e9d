import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { damage } from '../../../fixtures/damage.ts';
import { boundedReader, fuzz, fuzzTimeout } from '../../../fixtures/fuzz.ts';
import { hostileNames, sourceOfTexts, textsOf } from '../../../fixtures/texts.ts';
import { openSource } from '../../sources/open-source.ts';
import { bytesReader } from '../byte-reader.ts';
import { openDataset } from '../open-dataset.ts';
import { indexLmdb, lmdbSource } from './lmdb-source.ts';
import { leaves, readEnvironment } from './page.ts';
import { type LabelledImage, readLabelled } from './values.ts';
import { writeLmdb } from './write-lmdb.ts';

const golden = (name: string): string => fileURLToPath(new URL(`../../../fixtures/lmdb/${name}`, import.meta.url));
const python = process.env.PROTOMEM_PYTHON ?? 'python3';
const hasLmdb = spawnSync(python, ['-c', 'import lmdb']).status === 0;
if (!hasLmdb) console.log(`skipped: ${python} has no lmdb (PROTOMEM_PYTHON names another Python)`);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-lmdb-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** The text of the golden script, repeated up to a size. */
const body = (text: string, size: number): string => text.repeat(1 + Math.floor(size / text.length)).slice(0, size);

const labelled: [string, string[]][] = [
  ['3', ['image 1', 'image 4', 'image 5', 'image 7', 'image 8', 'image 9', 'image 10']],
  ['7', ['image 0', 'image 2'.repeat(901)]],
  ['300', ['image 3']],
  ['70000', ['image 6']],
];

describe("lmdbSource on environments of Python's lmdb", () => {
  it('reads keys identity/image in natural order, as a folder and in a thread', async () => {
    const source = await openDataset(golden('names'));
    const ids = Array.from({ length: 12 }, (_, i) => i).filter((i) => i !== 5);
    const people: [string, string[]][] = ids.map((i) => [
      `id${i}`,
      Array.from({ length: 12 }, (_, j) =>
        i === 3 && j === 0 ? body('replaced ', 5000) : body(`image ${i} ${j} `, 100),
      ),
    ]);
    const expected = [['a/b', ['deep']], ...people, ['zoe', ['']], ['Ünï', [body('large ', 9000)]]];
    expect(await textsOf(source)).toEqual(expected);
    expect(await textsOf(await openSource(structuredClone(source.spec!)))).toEqual(expected);
    expect((await source.load(1, 11)).name).toBe(`${golden('names')}/data.mdb#id0/11.jpg`);
  });

  it.each(['pickle', 'numpy', 'msgpack'])('reads counted images with labels: %s', async (name) => {
    expect(await textsOf(await openDataset(golden(`${name}.mdb`)))).toEqual(labelled);
  });

  it.each([
    ['object', /data\.mdb: key Ada\/1\.jpg, offset \d+, is "a pickled object"/],
    ['database', /offset \d+ is "key faces with a database of its own"/],
    ['empty', 'without images'],
  ])('refuses what is no set of images: %s', async (name, message) => {
    await expect(lmdbSource(golden(name))).rejects.toThrow(message);
  });
});

describe('lmdbSource', () => {
  it('names the place of what is wrong', async () => {
    const bytes = await readFile(golden('pickle.mdb'));
    const file = join(dir, 'a.mdb');
    const refused = async (change: (bytes: Buffer) => unknown): Promise<unknown> => {
      const copy = Buffer.from(bytes);
      change(copy);
      await writeFile(file, copy);
      return lmdbSource(file);
    };
    await expect(refused((b) => b.writeUInt32LE(1, 16))).rejects.toThrow('a.mdb: offset 0 is "something else"');
    await expect(refused((b) => b.copyWithin(12, 16, 20).writeUInt32LE(1, 16))).rejects.toThrow('32-bit machine');
    await expect(refused((b) => b.writeUInt32LE(999, 4096 + 20))).rejects.toThrow('offset 4096 is "version 999"');
    const bothMetas = (at: number, value: number) => (b: Buffer) =>
      [0, 4096].map((page) => b.writeUInt16LE(value, page + at));
    await expect(refused(bothMetas(92, 4))).rejects.toThrow('several values a key');
    await expect(refused(bothMetas(10, 2))).rejects.toThrow('offset 0 is "something else"');
    await expect(refused((b) => b.writeUInt32LE(4000, 40))).rejects.toThrow('"pages of 4000 bytes"');
    await expect(
      refused((b) => b.write(b.toString('latin1').replaceAll('image 3q', 'image 3s'), 'latin1')),
    ).rejects.toThrow(/offset \d+ is "SETITEM"/);
    await truncate(file, 5000);
    await expect(lmdbSource(file)).rejects.toThrow('offset');
    await expect(lmdbSource(join(dir, 'none'))).rejects.toThrow('missing');
    await expect(lmdbSource(dir)).rejects.toThrow('without data.mdb');
  });

  it('refuses pages that lead back to themselves, and trees that are too deep', async () => {
    await writeLmdb(sourceOfTexts(manyPeople(60)), join(dir, 'a'));
    const bytes = await readFile(join(dir, 'a', 'data.mdb'));
    const meta = 4096;
    const root = Number(bytes.readBigUInt64LE(meta + 128));
    expect(bytes.readUInt16LE(meta + 94)).toBe(2);
    const walked = async (change: (copy: Buffer) => unknown): Promise<unknown> => {
      const copy = Buffer.from(bytes);
      change(copy);
      return indexLmdb(bytesReader('a.mdb', copy));
    };
    const second = bytes.readUInt16LE(root * 4096 + 18) + root * 4096;
    const first = bytes.readUInt16LE(root * 4096 + 16) + root * 4096;
    await expect(walked((copy) => copy.writeUInt32LE(root, first))).rejects.toThrow('another page, of kind 1');
    await expect(walked((copy) => copy.copyWithin(second, first, first + 4))).rejects.toThrow(
      'a key above the one before',
    );
    // A leaf of one key, met twice.
    await expect(
      walked((copy) => {
        copy.copyWithin(second, first, first + 4);
        copy.writeUInt16LE(18, copy.readUInt32LE(first) * 4096 + 12);
      }),
    ).rejects.toThrow('a key above the one before');
    // A key that goes on over the three nodes before.
    const leaf = bytes.readUInt32LE(first) * 4096;
    const node = leaf + bytes.readUInt16LE(leaf + 22);
    await expect(walked((copy) => copy.writeUInt16LE(leaf + 4096 - node - 8, node + 6))).rejects.toThrow(
      'each for itself',
    );
    await expect(walked((copy) => copy.writeUInt32LE(2 ** 31, second))).rejects.toThrow('page 2147483648');
    await expect(walked((copy) => copy.writeUInt16LE(33, meta + 94))).rejects.toThrow('33 levels');
    await expect(walked((copy) => copy.fill(255, meta + 128, meta + 136))).rejects.toThrow('2 levels');
    await expect(walked((copy) => copy.writeUInt16LE(0, meta + 94))).rejects.toThrow('0 levels');
    await expect(walked((copy) => copy.writeUInt16LE(3, meta + 94))).rejects.toThrow('another page, of kind 2');
  });

  it.each([8192, 32768])('reads pages of %i bytes, and so does LMDB', async (size) => {
    const people = manyPeople(40);
    await writeLmdb(sourceOfTexts(people), join(dir, 'a'));
    const pages = await readFile(join(dir, 'a', 'data.mdb'));
    // Each page with unused room behind it: nodes lie at the same places of larger pages.
    const wide = Buffer.alloc((pages.length / 4096) * size);
    for (let page = 0; page * 4096 < pages.length; page++)
      pages.copy(wide, page * size, page * 4096, (page + 1) * 4096);
    for (const meta of [0, size]) wide.writeUInt32LE(size, meta + 40);
    const file = join(dir, 'wide.mdb');
    await writeFile(file, wide);
    const expected = await textsOf(await lmdbSource(join(dir, 'a')));
    expect(await textsOf(await lmdbSource(file))).toEqual(expected);
    if (!hasLmdb) return;
    const script = `
import lmdb, sys
with lmdb.open(sys.argv[1], subdir=False, readonly=True, lock=False) as env, env.begin() as txn:
    print(env.stat()["psize"], b" ".join(sorted(value for _, value in txn.cursor())).decode())`;
    const out = execFileSync(python, ['-c', script, file], { encoding: 'utf8' });
    const values = people.flatMap(([, images]) => images).sort();
    expect(out.trim()).toBe(`${size} ${values.join(' ')}`);
  });

  it('reads beyond 4 GiB', async () => {
    await writeLmdb(sourceOfTexts([['Ada', ['near', 'far']]]), join(dir, 'a'));
    const file = join(dir, 'a', 'data.mdb');
    const handle = await open(file, 'r+');
    const far = 2 ** 21;
    const page = Buffer.alloc(4096);
    page.writeBigUInt64LE(BigInt(far));
    page.writeUInt16LE(4, 10);
    page.writeUInt32LE(1, 12);
    page.write('FAR', 16);
    await handle.write(page, 0, 4096, far * 4096);
    // The leaf is page 4: its second node is the last one written, thus the first in the page.
    const leaf = Buffer.alloc(4096);
    await handle.read(leaf, 0, 4096, 4 * 4096);
    const node = leaf.readUInt16LE(18);
    const value = node + 8 + leaf.readUInt16LE(node + 6);
    expect(leaf.readBigUInt64LE(value)).toBe(3n);
    const numbers = Buffer.alloc(8);
    numbers.writeBigUInt64LE(BigInt(far));
    await handle.write(numbers, 0, 8, 4 * 4096 + value);
    await handle.write(numbers, 0, 8, 4096 + 136);
    await handle.close();
    expect(await textsOf(await lmdbSource(file))).toEqual([['Ada', ['near', 'FAR']]]);
  });
});

it('refuses damaged files with an error of its own, whatever the damage', fuzzTimeout, async () => {
  await writeLmdb(sourceOfTexts(manyPeople(120)), join(dir, 'a'));
  const files = [join(dir, 'a', 'data.mdb'), golden('names/data.mdb'), golden('numpy.mdb'), golden('msgpack.mdb')];
  const seeds = await Promise.all(files.map((file) => readFile(file)));
  // Damage lies in what is read: not in values that nobody looks at before they are loaded.
  const read = await Promise.all(seeds.map(placesRead));
  await fuzz('lmdb: pages', (random, i) => {
    const places = read[i % seeds.length]!;
    let bytes = Buffer.from(seeds[i % seeds.length]!);
    for (let changes = 1 + random.below(2); changes > 0; changes--) {
      const [at, length] = places[random.below(places.length)]!;
      const changed = damage(bytes.subarray(at, at + length), random, 2, 4096, 0xbeefc0de);
      changed.copy(bytes, at);
      if (changed.length < length && random.below(4) === 0) bytes = bytes.subarray(0, at + changed.length);
    }
    return indexLmdb(boundedReader('a.mdb', bytes, 32768));
  });
});

/** Ranges that are read when a file is opened. */
async function placesRead(bytes: Buffer): Promise<[at: number, length: number][]> {
  const places: [number, number][] = [];
  const reader = bytesReader('a.mdb', bytes);
  await indexLmdb({
    ...reader,
    read: (offset, length) => {
      places.push([offset, length]);
      return reader.read(offset, length);
    },
  });
  return places;
}

/** So many that the tree has branches; names of all lengths. */
function manyPeople(count: number): [string, string[]][] {
  return Array.from({ length: count }, (_, i) => [
    `person ${'x'.repeat(150 + (i % 40))} ${i}`,
    [`image ${i}`, `other ${i}`],
  ]);
}

describe('readLabelled', () => {
  const read = (value: string): Promise<LabelledImage> => {
    const bytes = Buffer.from(`....${value}`, 'latin1');
    return readLabelled(bytesReader('a.mdb', bytes), { key: Buffer.from('7'), offset: 4, length: bytes.length - 4 });
  };

  it.each([
    ['\x80\x04C\x02abK\x05\x86.', 8, 2, 5],
    ['\x80\x03]C\x02abaJ\x00\x00\x01\x00\x86.', 9, 2, 65536],
    ['\x80\x02U\x02ab\x88\x86.', 8, 2, 1],
    ['\x92\xa2ab\x05', 6, 2, 5],
    ['\x92\xd9\x02ab\xcc\xff', 7, 2, 255],
    ['\x92\xc6\0\0\0\x02ab\xd1\x7f\xff', 10, 2, 32767],
    ['\x92\xda\0\x02ab\xce\x80\0\0\0', 8, 2, 2 ** 31],
  ])('reads %j', async (value, offset, length, label) => {
    expect(await read(value)).toEqual({ offset, length, label });
  });

  it.each([
    ['', 'begins with 0x00'],
    ['\xff\xd8\xff', 'key 7, offset 4, is "a value that begins with 0xff"'],
    ['\x80\x04C\x02abJ\xff\xff\xff\xff\x86.', 'a pickle of bytes and -1'],
    ['\x80\x04C\x02abN\x86.', 'a pickle of bytes and None'],
    ['\x80\x04C\x02abK\x05K\x06\x87.', 'a list or tuple of 3'],
    ['\x80\x04X\x02\0\0\0abK\x05\x86.', 'a pickle of text and 5'],
    ['\x80\x04C\x20abK\x05\x86.', 'SHORT_BINBYTES of 32 bytes, 6 before the end'],
    [`\x80\x04${')'.repeat(300)}.`, 'more than 256 instructions'],
    ['\x92\xa2ab', '2 bytes, 0 before its end'],
    ['\x92\xc6\xff\xff\xff\xffab\x05', '4294967295 bytes'],
    ['\x92\xa2ab\xff', 'an image and no number'],
    ['\x92\xa2ab\xd0\xff', 'a label below 0'],
    ['\x92\xa2ab\x05\x05', 'an image and no number'],
    ['\x92\x05\x05', 'MessagePack of something else'],
    ['\x92', 'MessagePack of something else'],
  ])('refuses %j', async (value, message) => {
    await expect(read(value)).rejects.toThrow(message);
  });
});

describe('writeLmdb', () => {
  it('keeps order and bytes, also of names that are hostile or long and of images on several pages', async () => {
    const random = new Random(3);
    const people: [string, string[]][] = [
      ...hostileNames.map((name, i): [string, string[]] => [name, [`image ${i}`, 'x'.repeat(random.below(20000))]]),
      ...manyPeople(300),
    ];
    await writeLmdb(sourceOfTexts(people), join(dir, 'a'));
    expect(await readdir(join(dir, 'a'))).toEqual(['data.mdb']);
    const images = (all: [string, string[]][]): string[][] => all.map(([, own]) => own);
    expect(images(await textsOf(await lmdbSource(join(dir, 'a'))))).toEqual(images(people));
    await expect(writeLmdb(sourceOfTexts(people), join(dir, 'a'))).rejects.toThrow('there already');
  });

  // 4080 bytes hold whole numbers of nodes in many ways; a branch with one page below would break LMDB.
  it('has branches of two pages at least, for any number of images', async () => {
    // Some 18 nodes a page, so 19 leaves and their branch at 18 x 18 + 1.
    const counts = [
      0,
      1,
      2,
      ...Array.from({ length: 20 }, (_, i) => 17 + 5 * i),
      310,
      319,
      328,
      337,
      346,
      355,
      364,
      373,
    ];
    for (const count of counts) {
      const people = Array.from({ length: count }, (_, i): [string, string[]] => [
        `${String(i).padStart(4, '0')}${'y'.repeat(190)}`,
        ['a'],
      ]);
      const path = join(dir, String(count));
      await writeLmdb(sourceOfTexts(people), path);
      const bytes = await readFile(join(path, 'data.mdb'));
      const reader = bytesReader('a.mdb', bytes);
      let entries = 0;
      for await (const page of leaves(reader, await readEnvironment(reader))) entries += page.length;
      expect(entries).toBe(count);
      for (let at = 8192; at < bytes.length; at += 4096) {
        if (bytes.readUInt16LE(at + 10) === 1) expect(bytes.readUInt16LE(at + 12)).toBeGreaterThanOrEqual(20);
      }
    }
  });

  it.skipIf(!hasLmdb)("is read, searched, copied and changed by Python's lmdb", async () => {
    const people: [string, string[]][] = [['zoe', [body('large ', 10000), '', 'small']], ...manyPeople(500)];
    const path = join(dir, 'a');
    await writeLmdb(sourceOfTexts(people), path);
    const script = `
import hashlib, json, lmdb, sys
path = sys.argv[1]
def contents(path):
    with lmdb.open(path, readonly=True, lock=False) as env, env.begin() as txn:
        all = [(key.decode(), value.decode()) for key, value in txn.cursor()]
        for key, value in all:
            assert txn.get(key.encode()).decode() == value
        return all, env.stat()
first, stat = contents(path)
with lmdb.open(path, readonly=True, lock=False) as env:
    env.copy(sys.argv[2], compact=True)
copied, _ = contents(sys.argv[2])
with lmdb.open(path, map_size=2**24) as env:
    with env.begin(write=True) as txn:
        for key, _ in first[::2]:
            assert txn.delete(key.encode())
        for i in range(100):
            txn.put(b"new/%03d.jpg" % i, b"new" * 10 * i)
        txn.replace(first[1][0].encode(), b"changed" * 1000)
changed, _ = contents(path)
print(json.dumps([first, stat, copied == first, len(changed)]))`;
    await mkdir(join(dir, 'copy'));
    const out = execFileSync(python, ['-c', script, path, join(dir, 'copy')], { encoding: 'utf8', maxBuffer: 2 ** 26 });
    const [first, stat, copied, changed] = JSON.parse(out) as [
      [string, string][],
      { entries: number; depth: number },
      boolean,
      number,
    ];
    const values = people.flatMap(([, images]) => images).sort();
    expect(first.map(([, value]) => value).sort()).toEqual(values);
    expect(stat).toMatchObject({ entries: values.length, depth: 3, psize: 4096 });
    expect(copied).toBe(true);
    expect(changed).toBe(values.length - Math.ceil(values.length / 2) + 100);
    // And what it made of the file is read here.
    const source = await lmdbSource(path);
    expect((await textsOf(source)).find(([name]) => name === 'new')![1][2]).toBe('new'.repeat(20));
    expect(await textsOf(await lmdbSource(join(dir, 'copy')))).toEqual(await textsOf(await copyOf(people)));
  });

  /** The same people, written and read. */
  async function copyOf(people: [string, string[]][]): ReturnType<typeof lmdbSource> {
    await writeLmdb(sourceOfTexts(people), join(dir, 'again'));
    return lmdbSource(join(dir, 'again'));
  }
});
