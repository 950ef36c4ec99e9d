import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noise, temporaryFolder, writePeople } from '../fixtures/people-folder.ts';
import { folderSource } from './formats/folder/folder-source.ts';
import { decodeFiles, loadImages } from './load-images.ts';

const size = { height: 12, width: 10 };
let dir: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ dir, remove } = await temporaryFolder());
  await writePeople(dir, [3, 2]);
});
afterAll(() => remove());

const images = [
  { identity: 1, image: 1 },
  { identity: 0, image: 0 },
  { identity: 0, image: 2 },
  { identity: 1, image: 1 },
  { identity: 1, image: 0 },
];
const files = (): string[] => images.map(({ identity, image }) => join(dir, `id${identity}`, `${image}.png`));

describe('loadImages and decodeFiles', () => {
  it.each([0, 1])('deliver images in order, the last batch short, %i workers', async (workers) => {
    const source = await folderSource(dir);
    let seen = 0;
    const sizes: number[] = [];
    for await (const { pixels, shape, labels, names } of loadImages(source, images, {
      ...size,
      batchSize: 2,
      workers,
    })) {
      sizes.push(shape[0]);
      for (let i = 0; i < shape[0]; i++, seen++) {
        const { identity, image } = images[seen]!;
        expect(pixels.subarray(360 * i, 360 * (i + 1))).toEqual(noise(12, 10, identity, image));
        expect([labels[i], names[i]]).toEqual([identity, files()[seen]]);
      }
    }
    expect(sizes).toEqual([2, 2, 1]);
  });

  it('take paths', async () => {
    const names: string[] = [];
    for await (const batch of decodeFiles(files(), size)) {
      names.push(...batch.names);
      expect(Array.from(batch.labels)).toEqual([0, 1, 2, 3, 4]);
      expect(batch.pixels.subarray(0, 360)).toEqual(noise(12, 10, 1, 1));
    }
    expect(names).toEqual(files());
    for await (const _ of decodeFiles([], size)) expect.unreachable();
  });

  it.each([0, 1])('refuse an unreadable image and name it, %i workers', async (workers) => {
    const bad = join(dir, 'bad.jpg');
    await writeFile(bad, 'text');
    const load = async (): Promise<void> => {
      for await (const _ of decodeFiles([...files(), bad], { ...size, batchSize: 2, workers }));
    };
    await expect(load()).rejects.toThrow(`the first of them ${bad}, is "unreadable (`);
  });

  it('can be left early', async () => {
    for await (const batch of decodeFiles(files(), { ...size, batchSize: 1, workers: 1 })) {
      expect(batch.names).toEqual([files()[0]]);
      break;
    }
  });
});
