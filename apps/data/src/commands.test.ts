import { appendFile, cp, mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { syntheticFaces, writableFormats, writeDataset } from '@protomem/data';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { convert } from './convert.ts';
import { inspect, verify } from './survey.ts';

let dir: string;
let printed: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-data-'));
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => printed.push(line));
  const source = syntheticFaces({ identities: 3, imagesPerIdentity: 2, seed: 1, size: 24 });
  await writeDataset(source, join(dir, 'faces'), { format: 'folder' });
  process.exitCode = 0;
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = 0;
  await rm(dir, { recursive: true });
});

const namesIn = async (folder: string): Promise<string[]> => (await readdir(folder)).sort();
const text = (): string => printed.join('\n');

describe('npm run data -- convert', () => {
  it.each(writableFormats)('writes %s, checks it, and goes back to the same', async (format) => {
    const [from, to, back] = [join(dir, 'faces'), join(dir, `to-${format}`), join(dir, 'back')];
    await convert.run([from, to, '--format', format, '--check']);
    expect(text()).toContain(`6 images of 3 identities written to ${to}`);
    expect(text()).toContain('every image is there, equal');
    await convert.run([to, back, '--format', 'folder']);
    await verify.run([back, '--against', from]);
    expect(text()).toContain('6 images compared, 6 with the same bytes');
    expect(process.exitCode).toBe(0);
    await expect(convert.run([from, to, '--format', format])).rejects.toThrow('there already');
  });

  it('leaves out identities by name', async () => {
    await appendFile(join(dir, 'out.txt'), `${(await namesIn(join(dir, 'faces')))[1]}\r\n`);
    await convert.run([join(dir, 'faces'), join(dir, 'to'), '--format', 'folder', '--exclude', join(dir, 'out.txt')]);
    expect(text()).toContain('4 images of 2 identities');
  });

  it('refuses a command line that is none, and names formats it has', async () => {
    await expect(convert.run(['a'])).rejects.toThrow('the path to write');
    await expect(convert.run(['a', 'b'])).rejects.toThrow('no --format');
    const odd = convert.run([join(dir, 'faces'), join(dir, 'b'), '--format', 'recodio']);
    await expect(odd).rejects.toThrow('recordio');
    await expect(convert.run(['a', 'b', '--check=1'])).rejects.toThrow('--check');
  });
});

describe('npm run data -- inspect and verify', () => {
  it('tells counts, broken and repeated images, with names', async () => {
    const faces = join(dir, 'faces');
    const [one, two] = await namesIn(faces);
    const [first] = await namesIn(join(faces, one!));
    await cp(join(faces, one!, first!), join(faces, two!, 'zz-again.jpg'));
    await inspect.run([faces, '--problems', join(dir, 'problems.tsv')]);
    expect(text()).toContain('3 identities, 7 images');
    expect(text()).toContain('1 images there more than once, 1 of them under several identities');
    const list = await readFile(join(dir, 'problems.tsv'), 'utf8');
    expect(list).toBe(
      `problem\timage\tdetail\nsame image, other identity\t${join(faces, one!, first!)}\t${join(faces, two!, 'zz-again.jpg')}\n`,
    );
    expect(process.exitCode).toBe(0);

    await truncate(join(faces, one!, first!), 10);
    await verify.run([faces]);
    expect(text()).toContain('1 broken');
    expect(text()).toContain(join(faces, one!, first!));
    expect(process.exitCode).toBe(1);
  });

  it('only counts on request', async () => {
    await inspect.run([join(dir, 'faces'), '--counts']);
    expect(printed[0]).toBe('3 identities, 6 images');
    expect(text()).not.toContain('read');
  });

  it('ends with status 1 when data sets differ', async () => {
    const other = syntheticFaces({ identities: 3, imagesPerIdentity: 2, seed: 2, size: 24 });
    await writeDataset(other, join(dir, 'other'), { format: 'folder' });
    await verify.run([join(dir, 'faces'), '--against', join(dir, 'other')]);
    expect(text()).toContain('other pixels');
    expect(process.exitCode).toBe(1);
  });
});
