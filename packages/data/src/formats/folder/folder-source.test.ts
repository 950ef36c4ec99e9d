import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../fixtures/people-folder.ts';
import { naturalOrder } from '../../sources/natural-order.ts';
import { openSource } from '../../sources/open-source.ts';
import { folderSource } from './folder-source.ts';

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

  it('passes over everything that is no image', async () => {
    await touch(
      'a/1.jpg',
      'a/notes.txt',
      'a/.hidden.jpg',
      'a/deeper/2.jpg',
      'b/1.jpg',
      '.git/1.jpg',
      'empty/x.txt',
      'loose.jpg',
    );
    expect(namesIn(await folderSource(dir))).toEqual(['a:1', 'b:1']);
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
    await refuse(`expected at least two identities, one folder each: ${join(dir, '<identity>', '<image>.jpg')}`);
    await touch('only/1.jpg');
    await refuse('1 folder(s), 2 image(s) outside any, 1 with images');
    await touch('b/notes.txt');
    await refuse('2 folder(s), 2 image(s) outside any, 1 with images');
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
