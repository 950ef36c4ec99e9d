import { spawn } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Random } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileStorage } from './file-storage.ts';
import { openGallery } from './open-gallery.ts';

const script = fileURLToPath(new URL('../fixtures/enrol-until-killed.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const model = { name: 'm', fingerprint: 'f' };

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'protomem-gallery-'));
  path = join(directory, 'people.gallery');
});
afterEach(() => rm(directory, { recursive: true }));

const openFile = async () => openGallery(await fileStorage(path), { width: 2, model });
const ada = [{ person: 'Ada', images: [{ embedding: [1, 2] }] }];

/** What a process that is killed `delay` ms after it opened the gallery has said until then. */
function enrolUntilKilled(seed: number, delay: number): Promise<string[]> {
  const args = ['--conditions', '@protomem/source', '--import', tsx, script, path, String(seed)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, errors] = ['', ''];
  child.stdout.on('data', (text) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), delay);
    said += text;
  });
  child.stderr.on('data', (text) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (_, signal) => (signal === 'SIGKILL' ? resolve(said.split('\n')) : reject(new Error(errors))));
  });
}

describe('a process that is killed', () => {
  it('loses nobody whom it said to be enrolled, and leaves nobody half', async () => {
    const random = new Random(Date.now());
    const delays = Array.from({ length: 3 }, () => random.below(120));
    const expected = new Set<string>();
    for (const [seed, delay] of delays.entries()) {
      const told = `killed ${delays.join(', ')} ms after opening`;
      const said = await enrolUntilKilled(seed, delay);
      let last = '';
      // A line that is not whole was not said.
      for (const line of said.slice(1, -1)) {
        last = line.slice(1);
        if (line.startsWith('+')) expected.add(last);
        else expected.delete(last);
      }
      const gallery = await openGallery(await fileStorage(path, { readOnly: true }));
      const there = new Set(gallery.list().map(({ person }) => person));
      for (const person of expected) if (person !== last) expect(there, told).toContain(person);
      // Written and not yet said, or removed and not yet said: one at most.
      const others = [...there].filter((person) => !expected.has(person));
      expect(others.length, told).toBeLessThanOrEqual(1);
      if (expected.has(last) && !there.has(last)) expected.delete(last);
      for (const person of others) expected.add(person);
      for (const { person, images } of gallery.list()) expect(images.length, told).toBe(Number(person.split('-')[2]));
      await gallery.close();
    }
    expect(expected.size).toBeGreaterThan(0);
    const gallery = await openGallery(await fileStorage(path), { width: 16, model });
    await gallery.close();
    expect(await readdir(directory)).toEqual(['people.gallery']);
  });
});

describe('fileStorage', () => {
  it('keeps what was enrolled, one process writing, any number reading', async () => {
    const gallery = await openFile();
    await gallery.enrol(ada);
    await expect(openFile()).rejects.toThrow(/people\.gallery is "in use by process \d+ on .*this machine/);
    const reader = await openGallery(await fileStorage(path, { readOnly: true }));
    expect(reader.people).toBe(1);
    await expect(reader.enrol(ada)).rejects.toThrow('the gallery is "opened to read only"');
    await expect(reader.remove('Ada')).rejects.toThrow('the gallery is "opened to read only"');
    await gallery.enrol([{ person: 'Bo', images: [{ embedding: [0, 1] }] }]);
    expect(reader.people).toBe(1);
    await Promise.all([gallery.close(), reader.close()]);
    const again = await openFile();
    expect(again.people).toBe(2);
    await again.close();
  });

  it('is one gallery behind a link, which stays, and keeps who may read it', async () => {
    const link = join(directory, 'link');
    // Before there is any.
    await symlink('people.gallery', link);
    await (await openGallery(await fileStorage(link), { width: 2, model })).close();
    const gallery = await openFile();
    await gallery.enrol([...ada, { person: 'Bo', images: [{ embedding: [0, 1] }] }]);
    await chmod(path, 0o600);
    await expect(fileStorage(link)).rejects.toThrow('in use by process');
    await gallery.close();
    // What kills left: of this gallery, and of another beside it that is called like the link.
    await writeFile(join(directory, '.people.gallery.1-abcdef01.tmp'), '');
    await writeFile(join(directory, '.link.1-abcdef02.tmp'), '');
    const linked = await openGallery(await fileStorage(link), { width: 2, model });
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual(['.link.1-abcdef02.tmp']);
    await rm(join(directory, '.link.1-abcdef02.tmp'));
    await linked.remove('Ada');
    await linked.close();
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect((await readFile(path)).includes('Ada')).toBe(false);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await rm(link);
  });

  it('lets go of the lock when it refuses', async () => {
    await (await openFile()).close();
    const other = { width: 2, model: { name: 'o', fingerprint: 'o' } };
    await expect(openGallery(await fileStorage(path), other)).rejects.toThrow('the model');
    await (await openFile()).close();
    expect(await readdir(directory)).toEqual(['people.gallery']);
  });

  it('writes over nothing that is no gallery, and says what is in its way', async () => {
    await writeFile(path, 'my thesis');
    await expect(openFile()).rejects.toThrow('people.gallery is "something else", expected a gallery');
    expect(await readFile(path, 'utf8')).toBe('my thesis');
    path = join(directory, 'folder');
    await mkdir(path);
    await expect(openFile()).rejects.toThrow('folder is "a folder", expected the file of a gallery');
    path = join(directory, 'missing');
    const reading = openGallery(await fileStorage(path, { readOnly: true }), { width: 2, model });
    await expect(reading).rejects.toThrow('missing is "missing or empty"');
    expect(await readdir(directory)).not.toContain('missing');
    path = join(directory, 'new', 'people.gallery');
    await (await openFile()).close();
    expect((await stat(path)).size).toBeGreaterThan(0);
  });

  it('goes on behind the last whole record after a write that failed, as on a full disk', async () => {
    const gallery = await openFile();
    await gallery.enrol(ada);
    const before = (await stat(path)).size;
    const probe = await open(path);
    const handles = Object.getPrototypeOf(probe) as { write(...given: unknown[]): Promise<unknown> };
    await probe.close();
    const { write } = handles;
    const spy = vi.spyOn(handles, 'write').mockImplementation(async function (this: unknown, bytes, from, _, at) {
      // Half of it, and then nothing more.
      if (from !== 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      return write.call(this, bytes, 0, Math.floor((bytes as Uint8Array).length / 2), at);
    });
    const bo = [{ person: 'Bo', images: [{ embedding: [0, 1] }] }];
    await expect(gallery.enrol(bo)).rejects.toThrow('people.gallery is "not to be written (ENOSPC: no space left');
    spy.mockRestore();
    expect((await stat(path)).size).toBe(before);
    expect(gallery.people).toBe(1);
    await gallery.enrol(bo);
    await gallery.close();
    const again = await openFile();
    expect(again.list().map(({ person }) => person)).toEqual(['Ada', 'Bo']);
    expect(again.notes).toEqual([]);
    await again.close();
  });
});
