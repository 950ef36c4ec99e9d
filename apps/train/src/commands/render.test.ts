import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareSources, datasetFormats, decodeImage, openDataset } from '@protomem/data';
import { syntheticFaces } from '@protomem/synthetic';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { make } from './render.ts';

const people = { identities: 3, imagesPerIdentity: 2, seed: 4, firstIdentity: 7, variation: 0.5 };
const size = 24;
const render = (...args: string[]) =>
  make().parseAsync(
    [...'--identities 3 --images 2 --seed 4 --first-identity 7 --variation 0.5 --size 24'.split(' '), ...args],
    { from: 'user' },
  );

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-render-'));
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

describe('protomem render', () => {
  it('writes in every format the pixels that training draws', async () => {
    const faces = syntheticFaces(people);
    const { pixels } = await faces.draw!(2, 1, size, size);
    const first = join(dir, 'first');
    await render('--out', first, '--format', 'folder', '--encoding', 'png', '--workers', '2');
    expect(console.log).toHaveBeenCalledWith(`6 images of 3 identities written to ${first}`);
    const written = await openDataset(first);
    expect([0, 1, 2].map((i) => written.identityName(i))).toEqual(['person-7', 'person-8', 'person-9']);
    const { bytes } = await written.load(2, 1);
    expect(Uint8Array.from(await decodeImage(bytes, { height: size, width: size }))).toEqual(pixels);
    for (const format of Object.keys(datasetFormats)) {
      const out = join(dir, `${format}-again`);
      await render('--out', out, '--format', format, '--encoding', 'png', '--workers', '0');
      expect([format, (await compareSources(written, await openDataset(out))).differences]).toEqual([format, []]);
    }
  });

  it('writes jpg unless told otherwise', async () => {
    await render('--out', join(dir, 'faces'), '--format', 'folder', '--workers', '0');
    expect(await readdir(join(dir, 'faces', 'person-7'))).toEqual(['0.jpg', '1.jpg']);
  });

  it('refuses what it cannot write, and leaves nothing', async () => {
    const out = join(dir, 'faces');
    await expect(render('--format', 'folder')).rejects.toThrow('--out');
    await expect(render('--out', out, '--format', 'recodio', '--workers', '0')).rejects.toThrow(
      'Did you mean "recordio"',
    );
    const odd = render('--out', out, '--format', 'folder', '--variation', '9');
    await expect(odd).rejects.toThrow('syntheticFaces: variation is 9');
    await expect(render('--out', out, '--format', 'folder', '--quality', '0')).rejects.toThrow('quality is 0');
    await expect(render('--out', dir, '--format', 'folder', '--workers', '0')).rejects.toThrow('there already');
    expect(await readdir(dir)).toEqual([]);
  });
});
