import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from './node.ts';

describe('writeFileAtomic', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-core-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('writes parts in order and replaces what was there', async () => {
    const path = join(folder, 'a.txt');
    await writeFile(path, 'old');
    await writeFileAtomic(path, 'new ', Uint8Array.of(0x21));
    expect(await readFile(path, 'utf8')).toBe('new !');
    expect(await readdir(folder)).toEqual(['a.txt']);
  });

  it('keeps the old file and leaves nothing behind when writing fails', async () => {
    const path = join(folder, 'a.txt');
    await writeFile(path, 'old');
    await expect(writeFileAtomic(path, 'new', 42 as unknown as string)).rejects.toThrow();
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['a.txt']);
  });
});
