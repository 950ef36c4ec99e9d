import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { remarkLines } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../../fixtures/people-folder.ts';
import { naturalOrder } from '../../sources/natural-order.ts';
import { openSource } from '../../sources/open-source.ts';
import { selectIdentities } from '../../sources/select-identities.ts';
import { openDataset } from '../open-dataset.ts';
import { folderSource } from './folder-source.ts';

/** Folders that cannot be read, with the error's code: root, who runs tests in containers, may read any. */
const forbidden = vi.hoisted(() => new Map<string, string>());
vi.mock('node:fs/promises', async (load) => {
  const actual = await load<typeof import('node:fs/promises')>();
  const readdir = (path: string, ...rest: []) => {
    const code = forbidden.get(path);
    return code
      ? Promise.reject(Object.assign(new Error(`${code}: ${path}`), { code }))
      : actual.readdir(path, ...rest);
  };
  return { ...actual, readdir };
});

let dir: string;
let remove: () => Promise<void>;
beforeEach(async () => ({ dir, remove } = await temporaryFolder()));
afterEach(() => remove());

/** Writes empty files; a source does not look into them. */
async function touch(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(dir, path, '..'), { recursive: true });
    await writeFile(join(dir, path), path);
  }
}
const namesIn = (source: Awaited<ReturnType<typeof folderSource>>): string[] =>
  Array.from({ length: source.identities }, (_, i) => `${source.identityName(i)}:${source.imagesOf(i)}`);

describe('folderSource', () => {
  it('numbers identities and images in natural order', async () => {
    await touch('id10/a.jpg', 'id2/img10.png', 'id2/img9.PNG', 'Zoë Ångström/x.webp', 'id1/b.jpeg', 'id1/a.jpg');
    const source = await folderSource(dir);
    expect(namesIn(source)).toEqual(['Zoë Ångström:1', 'id1:2', 'id2:2', 'id10:1']);
    const loaded = await source.load(2, 1);
    expect(loaded.name).toBe(join(dir, 'id2', 'img10.png'));
    expect(Buffer.from(loaded.bytes).toString()).toBe('id2/img10.png');
    expect((await source.load(0, 0)).name).toBe(join(dir, 'Zoë Ångström', 'x.webp'));
  });

  it('passes over everything that is no image, and counts it by reason', async () => {
    await touch(
      'a/1.jpg',
      'a/notes.txt',
      'a/.hidden.jpg',
      'a/deeper/2.jpg',
      'b/1.jpg',
      '.git/1.jpg',
      'empty/x.txt',
      'loose.jpg',
      'b/2.bmp',
      'c/1.HEIC',
      'c/noext',
      'b/3.jfif',
      'b/4.JPE',
    );
    await symlink(join(dir, 'nowhere'), join(dir, 'broken'));
    await symlink(join(dir, 'loose.jpg'), join(dir, 'also-loose.jpg'));
    const source = await folderSource(dir);
    expect(namesIn(source)).toEqual(['a:1', 'b:3']);
    expect(remarkLines(source.remarks)).toEqual([
      'passed over: names that begin with a dot: 2 (.git; a/.hidden.jpg)',
      "passed over: images outside any identity's folder: 2 (loose.jpg; also-loose.jpg)",
      "passed over: folders in an identity's folder: 1 (a/deeper)",
      'passed over: files that end in .txt: 2 (a/notes.txt; empty/x.txt)',
      'passed over: files that end in .bmp: 1 (b/2.bmp)',
      'passed over: links that lead nowhere: 1 (broken)',
      'passed over: files that end in .heic: 1 (c/1.HEIC)',
      'passed over: files without an ending: 1 (c/noext)',
      'passed over: folders without images: 2 (c; empty)',
    ]);
    const some = selectIdentities(source, { exclude: ['nobody'], minImages: 1 });
    expect(some.remarks).toEqual(source.remarks);
    await touch('d/1.jpg', 'e/1.jpg', 'e/2.jpg');
    const few = selectIdentities(await folderSource(dir), { exclude: ['a'], minImages: 2 });
    expect(remarkLines(few.remarks).slice(-2)).toEqual([
      'passed over: identities that were excluded: 1 (a)',
      'passed over: identities with fewer than 2 images: 1 (d)',
    ]);
  });

  it('passes over folders that may not be read, and stops where a disk fails', async () => {
    await touch('a/1.jpg', 'lost+found/1.jpg', 'z/1.jpg');
    forbidden.set(join(dir, 'lost+found'), 'EACCES');
    const source = await folderSource(dir);
    expect(namesIn(source)).toEqual(['a:1', 'z:1']);
    expect(remarkLines(source.remarks)).toEqual(['passed over: folders that may not be read: 1 (lost+found)']);
    forbidden.set(join(dir, 'lost+found'), 'EIO');
    await expect(folderSource(dir)).rejects.toThrow(`folderSource: ${join(dir, 'lost+found')} is "unreadable (EIO`);
    forbidden.set(dir, 'EACCES');
    await expect(folderSource(dir)).rejects.toThrow(`folderSource: ${dir} is "unreadable (EACCES`);
    await expect(openDataset(dir)).rejects.toThrow(`openDataset: ${dir} is "unreadable (EACCES`);
    forbidden.clear();
  });

  it('follows links to folders and files, and passes over those that lead nowhere', async () => {
    await touch('real/1.jpg', 'b/1.jpg');
    await symlink(join(dir, 'real'), join(dir, 'linked'));
    await symlink(join(dir, 'real/1.jpg'), join(dir, 'b/2.jpg'));
    await symlink(join(dir, 'nowhere'), join(dir, 'broken'));
    await symlink(join(dir, 'real/1.jpg'), join(dir, 'file.jpg'));
    const source = await folderSource(dir);
    expect(namesIn(source)).toEqual(['b:2', 'linked:1', 'real:1']);
    expect(Buffer.from((await source.load(0, 1)).bytes).toString()).toBe('real/1.jpg');
  });

  it('can be rebuilt from its description, without reading the folder again', async () => {
    await touch('a/1.jpg', 'b/1.jpg', 'b/2.jpg');
    const source = await folderSource(dir);
    await touch('c/1.jpg');
    const spec = source.spec!;
    const copy = await openSource(structuredClone(spec));
    expect(namesIn(copy)).toEqual(namesIn(source));
    expect(await copy.load(1, 1)).toEqual(await source.load(1, 1));
    await expect(openSource({ ...spec, export: 'sourceOfIndices' })).rejects.toThrow('Did you mean "sourceOfIndex"?');
  });

  it('says what is wrong with a folder', async () => {
    const refuse = async (message: string): Promise<void> => {
      const error = await folderSource(dir).catch(String);
      expect(error).toContain(`folderSource: ${dir} is "`);
      expect(error).toContain(message);
    };
    await refuse('a folder with nothing in it');
    await touch('1.jpg', '2.jpg');
    await refuse('0 folder(s), 2 image(s) outside any, 0 with images');
    await refuse(`expected one folder of images for each identity: ${join(dir, '<identity>', '<image>.jpg')}`);
    await touch('b/notes.txt');
    await symlink(join(dir, '1.jpg'), join(dir, '3.jpg'));
    await refuse('1 folder(s), 3 image(s) outside any, 0 with images');
    await touch('only/1.jpg');
    expect(namesIn(await folderSource(dir))).toEqual(['only:1']);
    await rm(dir, { recursive: true });
    await refuse('missing');
    await writeFile(dir, 'text');
    await refuse('a file');
  });
});

describe('naturalOrder', () => {
  it('counts digits by value', () => {
    const sorted = ['a', 'a1', 'a01', 'a2', 'a10', 'a10b', 'a99999999999999999998', 'a99999999999999999999', 'b'];
    expect([...sorted].reverse().sort(naturalOrder).join()).toBe(
      'a,a01,a1,a2,a10,a10b,a99999999999999999998,a99999999999999999999,b',
    );
    expect(naturalOrder('A', 'a')).toBeLessThan(0);
    expect(naturalOrder('x1y02', 'x1y02')).toBe(0);
  });
});
