import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { photoFiles } from './photo-files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'photos-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function touch(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(dir, dirname(path)), { recursive: true });
    await writeFile(join(dir, path), '');
  }
}

async function found(): Promise<string[]> {
  const lines: string[] = [];
  for await (const found of photoFiles(dir)) {
    lines.push(`${found.file} > ${'output' in found ? found.output : `(${found.reason})`}`);
  }
  return lines;
}

describe('photoFiles', () => {
  it('goes through folders in order, and names what is no photo', async () => {
    await touch('b/2.JPG', 'b/1.png', 'a/deep/x.webp', 'a/y.heic', 'loose.tiff', '.git/1.jpg', 'a/.hidden.jpg');
    expect(await found()).toEqual([
      '.git > (names that begin with a dot)',
      'loose.tiff > loose',
      'a/.hidden.jpg > (names that begin with a dot)',
      'a/y.heic > (files that end in .heic)',
      'a/deep/x.webp > a/deep/x',
      'b/1.png > b/1',
      'b/2.JPG > b/2',
    ]);
  });

  it('gives a photo no output that is the whole name of another', async () => {
    await touch('A.jpg', 'a.png', 'a.jpg.png', 'a.jpg.png.gif', 'b.jpg.png');
    expect(await found()).toEqual([
      'A.jpg > A.jpg',
      'a.jpg.png > a.jpg.png',
      'a.jpg.png.gif > a.jpg.png.gif',
      'a.png > a.png',
      'b.jpg.png > b.jpg',
    ]);
  });

  it('gives no two photos one output', async () => {
    await touch('a/1.jpg', 'a/1.png', 'a/2.jpg', 'a/2.txt', 'a/x.JPG', 'a/X.gif');
    expect(await found()).toEqual([
      'a/1.jpg > a/1.jpg',
      'a/1.png > a/1.png',
      'a/2.jpg > a/2',
      'a/2.txt > (files that end in .txt)',
      'a/X.gif > a/X.gif',
      'a/x.JPG > a/x.JPG',
    ]);
  });

  it('follows links, but not round in circles', async () => {
    await touch('a/1.jpg');
    await symlink(join(dir, 'a'), join(dir, 'b'));
    await symlink(dir, join(dir, 'a/up'));
    await symlink(join(dir, 'nowhere'), join(dir, 'a/broken.jpg'));
    await symlink(join(dir, 'a/1.jpg'), join(dir, 'a/2.jpg'));
    expect((await found()).filter((line) => !line.includes('('))).toEqual([
      'a/1.jpg > a/1',
      'a/2.jpg > a/2',
      'b/1.jpg > b/1',
      'b/2.jpg > b/2',
    ]);
    expect(await found()).toContain('a/broken.jpg > (links that lead nowhere)');
    expect(await found()).toContain('a/up/ > (links to a folder that they lie in)');
  });
});
