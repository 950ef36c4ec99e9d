import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { paintedPeople } from '../../fixtures/painted-people.ts';
import { countImages } from '../sources/image-counts.ts';
import { compareSources } from './compare-sources.ts';
import { folderSource } from './folder/folder-source.ts';
import { surveyImages } from './survey.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-survey-'));
});
afterEach(() => rm(dir, { recursive: true }));

const jpeg = (red: number, size = 24): Promise<Buffer> =>
  sharp({ create: { width: size, height: size, channels: 3, background: { r: red, g: 90, b: 40 } } })
    .jpeg()
    .toBuffer();

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(join(dir, path, '..'), { recursive: true });
  await writeFile(join(dir, path), bytes);
}

async function people(): Promise<void> {
  await write('set/a/1.jpg', await jpeg(10));
  await write('set/a/2.jpg', await jpeg(200));
  await write('set/b/1.jpg', await jpeg(10));
  await write(
    'set/b/2.png',
    await sharp(await jpeg(60))
      .png()
      .toBuffer(),
  );
  await write('set/c/1.jpg', await jpeg(30, 32));
}

describe('countImages', () => {
  it('counts identities by their images without a gap', () => {
    const sizes = [0, 1, 4, 5, 9, 10, 999, 1000, 70_000];
    const source = {
      ...paintedPeople({ identities: sizes.length, imagesPerIdentity: 1, seed: 0 }),
      imagesOf: (i: number) => sizes[i]!,
    };
    expect(countImages(source)).toEqual({
      identities: 9,
      images: sizes.reduce((a, b) => a + b),
      histogram: [
        { images: '0', identities: 1 },
        { images: '1', identities: 1 },
        { images: '4', identities: 1 },
        { images: '5-9', identities: 2 },
        { images: '10-19', identities: 1 },
        { images: '500-999', identities: 1 },
        { images: '1000 or more', identities: 2 },
      ],
    });
  });
});

describe('surveyImages', () => {
  it('finds sizes, duplicates over identities, and broken images of each kind', async () => {
    await people();
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    const create = { width: 64, height: 64, channels: 3, background: '#000', noise } as const;
    const whole = await sharp({ create }).jpeg().toBuffer();
    await write('set/c/2.jpg', whole.subarray(0, whole.length - 40));
    await write('set/c/3.jpg', Buffer.from('no image'));
    await write('set/c/4.jpg', Buffer.alloc(0));
    const source = await folderSource(join(dir, 'set'));
    const seen: number[] = [];
    const survey = await surveyImages(source, { decode: true, onProgress: ({ done }) => seen.push(done) });
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(survey.images).toBe(8);
    expect(survey.kinds).toEqual([
      { kind: 'jpeg 24x24', images: 3 },
      { kind: 'png 24x24', images: 1 },
      { kind: 'jpeg 32x32', images: 1 },
    ]);
    expect(survey.duplicates).toEqual([
      [
        { identity: 0, image: 0 },
        { identity: 1, image: 0 },
      ],
    ]);
    expect(survey.broken.map(({ identity, image }) => [identity, image])).toEqual([
      [2, 1],
      [2, 2],
      [2, 3],
    ]);
    for (const { reason } of survey.broken) expect(reason).not.toBe('');
    // The head alone looks whole.
    expect((await surveyImages(source)).broken).toHaveLength(2);
  });

  it('goes on where an image cannot be read', async () => {
    await people();
    const source = await folderSource(join(dir, 'set'));
    await rm(join(dir, 'set/b/1.jpg'));
    const { broken, images } = await surveyImages(source);
    expect(images).toBe(5);
    expect(broken).toMatchObject([{ identity: 1, image: 0, reason: expect.stringContaining('1.jpg') }]);
  });

  it('stops on a signal', async () => {
    await people();
    const controller = new AbortController();
    const work = surveyImages(await folderSource(join(dir, 'set')), {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    await expect(work).rejects.toThrow('enough');
  });
});

describe('compareSources', () => {
  it('tells equal bytes, equal pixels, other pixels, and what is missing on either side', async () => {
    await people();
    const one = await folderSource(join(dir, 'set'));
    expect(await compareSources(one, one)).toEqual({ images: 5, sameBytes: 5, differences: [] });

    await write(
      'other/a/1.png',
      await sharp(await jpeg(10))
        .png()
        .toBuffer(),
    );
    await write('other/a/2.jpg', await jpeg(201));
    await write('other/b/1.jpg', await jpeg(10));
    const other = await folderSource(join(dir, 'other'));
    const { images, sameBytes, differences } = await compareSources(one, other);
    expect([images, sameBytes]).toEqual([3, 1]);
    expect(differences.map((text) => text.replaceAll(dir, ''))).toEqual([
      '3 identities in /set, 2 in /other',
      'identity 1 (b): 2 image(s) in /set, 1 in /other',
      'identity 0 (a), image 1: other pixels in /other',
    ]);
    expect((await compareSources(other, one)).differences).toHaveLength(3);
    // One that is no image ends nothing.
    await write('other/a/2.jpg', Buffer.from('text'));
    const broken = await compareSources(one, await folderSource(join(dir, 'other')));
    expect(broken.images).toBe(3);
    expect(broken.differences[2]).toMatch(
      /^identity 0 \(a\), image 1: other bytes in .*, and one of both is no image \(Input buffer/,
    );
  });
});
