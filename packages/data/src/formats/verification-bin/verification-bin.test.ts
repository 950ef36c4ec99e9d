import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random } from '@protomem/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { damage } from '../../../fixtures/damage.ts';
import { boundedReader, fuzz, fuzzTimeout } from '../../../fixtures/fuzz.ts';
import { encode, noise } from '../../../fixtures/people-folder.ts';
import { loadImages } from '../../load-images.ts';
import { bytesReader } from '../byte-reader.ts';
import { openDataset } from '../open-dataset.ts';
import { indexVerificationBin, readVerificationBin, type VerificationBin } from './verification-bin.ts';
import { type VerificationPair, writeVerificationBin } from './write-verification-bin.ts';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/verification-bin/${name}.bin`, import.meta.url));
const python = process.env.PROTOMEM_PYTHON ?? 'python3';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-bin-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** All images as text, and the truth values. */
async function contents(bin: VerificationBin): Promise<{ images: string[]; same: number[] }> {
  const images: string[] = [];
  for (let i = 0; i < bin.images; i++) images.push(Buffer.from(await bin.image(i)).toString('latin1'));
  return { images, same: [...bin.issame] };
}

const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
const expected = {
  images: ['image 0', every, '', 'image 3'.repeat(50), 'image 0', '\xff\xd8\xff image 5'],
  same: [1, 0, 1],
};
const names = [2, 3, 4, 5].flatMap((protocol) => [`protocol-${protocol}`, `numpy-${protocol}`]);

describe('readVerificationBin', () => {
  it.each([...names, 'flags', 'bytearrays', 'python-2'])("reads what Python's pickle writes: %s", async (name) => {
    const bin = await readVerificationBin(golden(name));
    expect([bin.pairs, bin.images]).toEqual([3, 6]);
    expect(await contents(bin)).toEqual(expected);
    await expect(bin.image(6)).rejects.toThrow('index is 6');
  });

  const data = process.env.PROTOMEM_DATA ?? join(import.meta.dirname, '../../../../../../shared/data');
  const samples = join(data, 'formats/insightface_bin');
  if (!existsSync(samples)) console.log(`skipped: ${samples} is not there (set PROTOMEM_DATA)`);
  it.skipIf(!existsSync(samples))('reads real images alike from every way to write them', async () => {
    const files = (await readdir(samples)).filter((name) => name.endsWith('.bin'));
    const bins = await Promise.all(files.map((name) => readVerificationBin(join(samples, name))));
    const all = await Promise.all(bins.map(contents));
    expect(files.length).toBeGreaterThanOrEqual(7);
    for (const one of all) expect(one).toEqual(all[0]);
    expect(all[0]!.same).toEqual([...new Array(20).fill(1), ...new Array(20).fill(0)]);
    for (const image of all[0]!.images) expect(image.slice(0, 3) + image.slice(-2)).toBe('\xff\xd8\xff\xff\xd9');
  });

  it('runs nothing: a call is refused with its place and name', async () => {
    await expect(readVerificationBin(golden('call'))).rejects.toThrow(
      /call\.bin: offset \d+ is "a call of posix\.system with text", expected/,
    );
  });

  it('names offset and opcode of what it does not read', async () => {
    const refused = (pickle: string): Promise<unknown> =>
      indexVerificationBin(bytesReader('a.bin', Buffer.from(pickle, 'latin1')));
    await expect(refused('\x80\x04}.')).rejects.toThrow('a.bin: offset 2 is "EMPTY_DICT"');
    await expect(refused("(lp0\nS'a'\np1\na.")).rejects.toThrow('offset 2 is "PUT"');
    await expect(refused('\x80\x02cos\nsystem\n(tR.')).rejects.toThrow(
      'offset 15 is "a call of os.system with nothing"',
    );
    await expect(refused('\x80\x02\xff')).rejects.toThrow('offset 2 is "0xff, which is no opcode"');
    await expect(refused('\x80\x03]B\xff\xff\xff\x7fabc')).rejects.toThrow(
      'offset 3 is "BINBYTES of 2147483647 bytes, 3 before the end"',
    );
    await expect(refused('\x80\x03]\x8e\xff\xff\xff\xff\xff\xff\xff\xff')).rejects.toThrow('offset 3 is "BINBYTES8');
    await expect(refused('\x80\x06.')).rejects.toThrow('"protocol 6"');
    await expect(refused('\x80\x02h\x05.')).rejects.toThrow('memo 5, which is not set');
    await expect(refused('\x80\x02](U\x01ae](\x88e\x86.')).rejects.toThrow('1 images and 1 truth values');
    await expect(refused('\x80\x02](K\x01K\x02e](\x88e\x86.')).rejects.toThrow('image 0 is "1", expected bytes');
    await expect(refused('\x80\x02](U\x01aU\x01be](Ne\x86.')).rejects.toThrow(
      'pair 0 is "None", expected True or False',
    );
    await expect(refused(`\x80\x02${'('.repeat(300_000)}`)).rejects.toThrow('more than 100000 instructions');
    await expect(refused(`\x80\x02${']'.repeat(5_000_000)}.`)).rejects.toThrow('offset 1002 is "more than 1000 lists"');
    await expect(refused(`\x80\x02)K\x01a.`)).rejects.toThrow('a list or tuple of 0 to append to');
    // A list that holds itself sixty thousand deep.
    await expect(refused(`\x80\x02]q\x00h\x00a${'\x85'.repeat(60_000)}.`)).rejects.toThrow(
      'its second list is "nothing"',
    );
  });

  it('is refused as a data set, since pairs say nothing about identities', async () => {
    await expect(openDataset(golden('protocol-4'))).rejects.toThrow('readVerificationBin');
  });

  it('notices a file that was cut short after it was opened', async () => {
    const file = join(dir, 'a.bin');
    await writeFile(file, await readFile(golden('protocol-4')));
    const bin = await readVerificationBin(file);
    await truncate(file, 60);
    await expect(bin.image(5)).rejects.toThrow('cut short');
  });

  it('gives its images to whatever embeds images', async () => {
    const [a, b] = [await encode(noise(8, 8, 1), 8, 8, 'png'), await encode(noise(8, 8, 2), 8, 8, 'png')];
    const file = join(dir, 'a.bin');
    await writeVerificationBin(file, [
      { a, b, same: false },
      { a: b, b: a, same: true },
    ]);
    const { source } = await readVerificationBin(file);
    expect([source.identities, source.imagesOf(1), source.identityName(1)]).toEqual([2, 2, 'pair 2']);
    const wanted = [0, 1].flatMap((identity) => [0, 1].map((image) => ({ identity, image })));
    for await (const { pixels } of loadImages(source, wanted, { height: 8, width: 8 })) {
      const own = (i: number): Uint8Array => pixels.slice(192 * i, 192 * (i + 1)) as Uint8Array;
      expect(own(0)).toEqual(noise(8, 8, 1));
      expect(own(1)).toEqual(noise(8, 8, 2));
      expect(own(2)).toEqual(own(1));
      expect(own(3)).toEqual(own(0));
    }
  });
});

it('refuses damaged files with an error of its own, whatever the damage', fuzzTimeout, async () => {
  const seeds = await Promise.all([...names, 'python-2', 'flags'].map((name) => readFile(golden(name))));
  await fuzz('verification bin, pickle', (random, i) => {
    const bytes = damage(seeds[i % seeds.length]!, random, 0x28_5d_02_80);
    return indexVerificationBin(boundedReader('a.bin', bytes, 1024));
  });
});

describe('writeVerificationBin', () => {
  it('round trip of any images', async () => {
    let count = 0;
    const pair = fc.record({ a: fc.uint8Array(), b: fc.uint8Array({ minLength: 250 }), same: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 5 }), async (pairs) => {
        const file = join(dir, `${count++}.bin`);
        await writeVerificationBin(file, pairs);
        const bin = await readVerificationBin(file);
        expect([...bin.issame]).toEqual(pairs.map(({ same }) => Number(same)));
        for (const [i, { a, b }] of pairs.entries()) {
          expect(Buffer.compare(await bin.image(2 * i), a)).toBe(0);
          expect(Buffer.compare(await bin.image(2 * i + 1), b)).toBe(0);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('leaves nothing behind when pairs end in an error or are none, and overwrites nothing', async () => {
    async function* broken(): AsyncGenerator<VerificationPair> {
      yield { a: Buffer.from('a'), b: Buffer.from('b'), same: true };
      throw new Error('no more');
    }
    await expect(writeVerificationBin(join(dir, 'a.bin'), broken())).rejects.toThrow('no more');
    await expect(writeVerificationBin(join(dir, 'a.bin'), [])).rejects.toThrow('pairs is "none"');
    await writeFile(join(dir, 'b.bin'), 'mine');
    await expect(writeVerificationBin(join(dir, 'b.bin'), [])).rejects.toThrow('there already');
    expect(await readdir(dir)).toEqual(['b.bin']);
  });

  it("is read by Python's pickle the way InsightFace's loader does", async () => {
    const random = new Random(5);
    const pairs = Array.from({ length: 2500 }, (_, i) => ({
      a: Buffer.from(`a ${i}`),
      b: Buffer.alloc(random.below(600), i),
      same: random.below(2) === 1,
    }));
    const file = join(dir, 'a.bin');
    await writeVerificationBin(file, pairs);
    const script = `
import json, pickle, sys
with open(sys.argv[1], "rb") as file:
    bins, issame_list = pickle.load(file, encoding="bytes")
images = [bins[i] for i in range(len(issame_list) * 2)]
print(json.dumps([len(bins), type(bins[0]).__name__, [len(image) for image in images], images[4998].decode(), issame_list]))`;
    const read = JSON.parse(execFileSync(python, ['-c', script, file], { encoding: 'utf8' }));
    const lengths = pairs.flatMap(({ a, b }) => [a.length, b.length]);
    expect(read).toEqual([5000, 'bytes', lengths, 'a 2499', pairs.map(({ same }) => same)]);
  });
});
