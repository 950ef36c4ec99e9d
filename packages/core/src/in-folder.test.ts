import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inFolder } from './in-folder.ts';
import { systemReason } from './system-reason.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-in-folder-'));
});
afterEach(() => rm(dir, { recursive: true }));

const refuse = (): Promise<never> => Promise.reject(new Error('refused'));

describe('inFolder', () => {
  it('keeps what the work writes, also where it fails later', async () => {
    const path = join(dir, 'a', 'b');
    const work = async () => {
      await writeFile(join(path, 'file'), 'x');
      await refuse();
    };
    await expect(inFolder('test', path, work)).rejects.toThrow('refused');
    expect(await readdir(path)).toEqual(['file']);
  });

  it('takes the folders away that it made where nothing was written, and no others', async () => {
    await mkdir(join(dir, 'mine'));
    await expect(inFolder('test', join(dir, 'mine', 'a', 'b'), refuse)).rejects.toThrow('refused');
    expect(await readdir(join(dir, 'mine'))).toEqual([]);
    await inFolder('test', join(dir, 'mine'), async () => undefined);
    expect(await readdir(dir)).toEqual(['mine']);
  });

  it('refuses a place where no folder can be', async () => {
    const file = join(dir, 'file');
    await writeFile(file, 'x');
    await expect(inFolder('test', file, refuse)).rejects.toThrow('file is "a file", expected a folder');
    await expect(inFolder('test', join(file, 'b'), refuse)).rejects.toThrow('is "not a folder", expected a folder');
  });
});

it('says in words why the system would not read', async () => {
  const reasonOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(systemReason);
  await writeFile(join(dir, 'file'), 'x');
  expect(await reasonOf(join(dir, 'none'))).toBe('missing');
  expect(await reasonOf(join(dir, 'file', 'below'))).toBe('not a folder');
  expect(await reasonOf(dir)).toBe('a folder');
  expect(systemReason(new Error('the disk is full\nat line'))).toBe('the disk is full');
});
