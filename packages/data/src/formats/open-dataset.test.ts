import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { remarkLines } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder, writePeople } from '../../fixtures/people-folder.ts';
import { textsOf } from '../../fixtures/texts.ts';
import { openDataset, openImages } from './open-dataset.ts';
import { writeDataset } from './write-dataset.ts';

let dir: string;
let remove: () => Promise<void>;
beforeEach(async () => ({ dir, remove } = await temporaryFolder()));
afterEach(() => remove());

describe('openDataset and writeDataset', () => {
  it('say what is wrong with a path, a format or an option', async () => {
    await expect(openDataset('/nowhere')).rejects.toThrow(/\/nowhere is "missing", expected recordio \(.*folder \(/);
    await expect(openDataset('/nowhere/lfw.bin')).rejects.toThrow('open it with readVerificationBin');
    await expect(openDataset('/nowhere', { format: 'recordoi' as never })).rejects.toThrow('Did you mean "recordio"?');
    const misspelled = { formats: 'lmdb' };
    await expect(openDataset('/nowhere', misspelled)).rejects.toThrow('Did you mean "format"?');
    await expect(openDataset(dir, { root: 'x' })).rejects.toThrow(
      `openDataset: root is "x", expected nothing, since ${dir} is read as folder`,
    );
    await expect(writeDataset({} as never, '/nowhere', { format: 'zip' as never })).rejects.toThrow(
      'writeDataset: format is "zip", expected one of recordio, webdataset, list, lmdb, folder.',
    );
  });

  it.each(['recordio', 'webdataset', 'lmdb'] as const)('count people beside what is read as %s', async (format) => {
    await writePeople(join(dir, 'faces'), [1, 1]);
    const written = join(dir, 'written');
    await writeDataset(await openDataset(join(dir, 'faces')), written, { format });
    expect((await openDataset(written)).remarks).toEqual([]);
    await cp(join(dir, 'faces', 'id0'), join(written, 'id0'), { recursive: true });
    await cp(join(dir, 'faces', 'id0', '0.png'), join(written, 'one.png'));
    const source = await openDataset(written);
    expect(source.identities).toBe(2);
    expect(remarkLines(source.remarks).sort()).toEqual([
      `passed over: folders beside what is read as ${format}: 1 (id0)`,
      `passed over: image files beside what is read as ${format}: 1 (one.png)`,
    ]);
  });
});

describe('a format is told by files', () => {
  const strays = { 'x.rec': 'recordio', 'old.tar': 'webdataset', 'list.csv': 'list', 'data.mdb': 'lmdb' };

  it.each(Object.keys(strays))('not by a folder of somebody called %s', async (name) => {
    await writePeople(dir, [1, 2]);
    await rename(join(dir, 'id1'), join(dir, name));
    const source = await openDataset(dir);
    const images = [0, 1].map((identity) => [source.identityName(identity), source.imagesOf(identity)]);
    expect(Object.fromEntries(images)).toEqual({ id0: 1, [name]: 2 });
  });

  it.each(['recordio', 'webdataset'] as const)('which stands in no way of files of %s either', async (format) => {
    await writePeople(join(dir, 'faces'), [1, 1]);
    const written = join(dir, 'written');
    await writeDataset(await openDataset(join(dir, 'faces')), written, { format });
    await mkdir(join(written, 'x.rec'));
    await mkdir(join(written, 'old.tar'));
    expect((await openDataset(written)).identities).toBe(2);
  });

  it.each(Object.entries(strays))('and an error names the one, %s, that told %s', async (name, format) => {
    await writePeople(dir, [1, 2]);
    await writeFile(join(dir, name), 'something else');
    const why = `Read as ${format} since ${name} is there; \`format\` names another.`;
    await expect(openDataset(dir)).rejects.toThrow(why);
    await expect(openDataset(dir, { format: format as 'list' })).rejects.not.toThrow(why);
    expect((await openDataset(dir, { format: 'folder' })).identities).toBe(2);
  });
});

describe('openImages', () => {
  it('opens a folder of images as one identity, one image, and every data set', async () => {
    await mkdir(join(dir, 'flat', 'empty'), { recursive: true });
    for (const name of ['2.jpg', '10.jpg', 'x.bmp']) await writeFile(join(dir, 'flat', name), name);
    const flat = await openImages(join(dir, 'flat'));
    expect(await textsOf(flat)).toEqual([['flat', ['2.jpg', '10.jpg']]]);
    expect((await flat.load(0, 0)).name).toBe(join(dir, 'flat', '2.jpg'));
    expect(remarkLines(flat.remarks)).toEqual([
      "passed over: folders in an identity's folder: 1 (flat/empty)",
      'passed over: files that end in .bmp: 1 (flat/x.bmp)',
    ]);
    expect(await textsOf(await openImages(join(dir, 'flat', '2.jpg')))).toEqual([
      [join(dir, 'flat', '2.jpg'), ['2.jpg']],
    ]);
    for (const [path, as] of [
      ['flat', 'a folder of images'],
      ['flat/2.jpg', 'an image'],
    ] as const) {
      const opened = openImages(join(dir, path), { root: 'elsewhere' });
      await expect(opened).rejects.toThrow(
        new RegExp(`root is "elsewhere".*is read as ${as}, which has no such option`),
      );
    }
    await writeFile(join(dir, 'flat', 'empty', '1.jpg'), 'someone');
    const people = await openImages(join(dir, 'flat'));
    expect(await textsOf(people)).toEqual([['empty', ['someone']]]);
    expect(remarkLines(people.remarks)[0]).toBe("passed over: images outside any identity's folder: 2 (2.jpg; 10.jpg)");
    await rm(join(dir, 'flat'), { recursive: true });
    await expect(openImages(join(dir, 'flat'))).rejects.toThrow('missing');
  });
});
