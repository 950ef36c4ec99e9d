import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sweepTemporary, temporaryPath, writeFileAtomic } from './node.ts';

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

describe('sweepTemporary', () => {
  it('removes what is unfinished, of one target or of all below, and nothing else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'protomem-core-'));
    const kept = ['.hidden.tmp', '.a.tmp', 'a.1-00000000.tmp', 'b'];
    for (const name of kept.slice(0, 3)) await writeFile(join(folder, name), '');
    await mkdir(join(folder, 'b'));
    await mkdir(temporaryPath(join(folder, 'a')));
    await writeFile(temporaryPath(join(folder, 'a')), '');
    await writeFile(temporaryPath(join(folder, 'other')), '');
    await writeFile(temporaryPath(join(folder, 'b', 'a')), '');
    expect(await sweepTemporary(folder, { of: 'a' })).toBe(2);
    expect(await sweepTemporary(folder, { recursive: true })).toBe(2);
    expect((await readdir(folder)).sort()).toEqual(kept.sort());
    expect(await readdir(join(folder, 'b'))).toEqual([]);
    expect(await sweepTemporary(join(folder, 'nowhere'))).toBe(0);
    await rm(folder, { recursive: true });
  });
});
