import { rmSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { datasetFormats, readLfwPairs, readVerificationBin, writeDataset } from '@protomem/data';
import { syntheticFaces } from '@protomem/synthetic';
import { SingleBar } from 'cli-progress';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { make as convertCommand } from './convert.ts';
import { make as drawPairsCommand } from './draw-pairs.ts';
import { make as inspectCommand } from './inspect.ts';
import { make as pairsCommand } from './pairs.ts';
import { make as verifyCommand } from './verify.ts';

const convert = (...args: string[]) => convertCommand().parseAsync(args, { from: 'user' });
const drawPairs = (...args: string[]) => drawPairsCommand().parseAsync(args, { from: 'user' });
const inspect = (...args: string[]) => inspectCommand().parseAsync(args, { from: 'user' });
const pairs = (...args: string[]) => pairsCommand().parseAsync(args, { from: 'user' });
const verify = (...args: string[]) => verifyCommand().parseAsync(args, { from: 'user' });

let dir: string;
let printed: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-data-'));
  printed = [];
  for (const level of ['log', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line: string) => printed.push(line));
  }
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

describe('protomem convert', () => {
  it.each(Object.keys(datasetFormats))('writes %s, checks it, and goes back to the same', async (format) => {
    const [from, to, back] = [join(dir, 'faces'), join(dir, `to-${format}`), join(dir, 'back')];
    await convert(from, to, '--format', format, '--check');
    expect(text()).toContain(`6 images of 3 identities written to ${to}`);
    expect(text()).toContain('every image is there, equal');
    await convert(to, back, '--format', 'folder');
    await verify(back, '--against', from);
    expect(text()).toContain('6 images compared, 6 with the same bytes');
    expect(process.exitCode).toBe(0);
    await expect(convert(from, to, '--format', format)).rejects.toThrow('there already');
  });

  it('leaves out identities by name', async () => {
    await appendFile(join(dir, 'out.txt'), `${(await namesIn(join(dir, 'faces')))[1]}\r\n`);
    await convert(join(dir, 'faces'), join(dir, 'to'), '--format', 'folder', '--exclude', join(dir, 'out.txt'));
    expect(text()).toContain('4 images of 2 identities');
    expect(text()).not.toContain('nobody has');
    await appendFile(join(dir, 'out.txt'), 'Nemo\n');
    await convert(join(dir, 'faces'), join(dir, 'to2'), '--format', 'folder', '--exclude', join(dir, 'out.txt'));
    expect(text()).toContain('--exclude: 1 of its names nobody has: Nemo');
  });

  it('refuses a command line that is none, and names formats it has', async () => {
    await expect(convert('a')).rejects.toThrow('required');
    await expect(convert('a', 'b')).rejects.toThrow('--format <name>');
    const odd = convert(join(dir, 'faces'), join(dir, 'b'), '--format', 'recodio');
    await expect(odd).rejects.toThrow('recordio');
    await expect(convert('a', 'b', '--format', 'folder', '--check=1')).rejects.toThrow('--check');
    await expect(convert('a', 'b', '--format', 'folder', '--min-images', 'abc')).rejects.toThrow(
      "option '--min-images <n>' argument 'abc' is invalid. It takes a number.",
    );
    const nowhere = ['--exclude', join(dir, 'nowhere.txt')];
    await expect(convert(join(dir, 'faces'), 'b', '--format', 'folder', ...nowhere)).rejects.toThrow(
      /^convert: --exclude .*nowhere\.txt is "missing", expected a file with a name/,
    );
  });
});

describe('protomem inspect and verify', () => {
  it('tells counts, broken and repeated images, with names', async () => {
    const faces = join(dir, 'faces');
    const [one, two] = await namesIn(faces);
    const [first] = await namesIn(join(faces, one!));
    await cp(join(faces, one!, first!), join(faces, two!, 'zz-again.jpg'));
    await expect(inspect(faces, '--counts', '--problems', join(dir, 'none.tsv'))).rejects.toThrow('problems');
    await inspect(faces, '--problems', join(dir, 'problems.tsv'));
    expect(text()).toContain('3 identities, 7 images');
    expect(text()).toContain('1 images there more than once, 1 of them under several identities');
    const list = await readFile(join(dir, 'problems.tsv'), 'utf8');
    expect(list).toBe(
      `problem\timage\tdetail\nsame image, other identity\t${join(faces, one!, first!)}\t${join(faces, two!, 'zz-again.jpg')}\n`,
    );
    expect(process.exitCode).toBe(0);

    await truncate(join(faces, one!, first!), 10);
    await verify(faces);
    expect(text()).toContain('1 broken');
    expect(text()).toContain(join(faces, one!, first!));
    expect(process.exitCode).toBe(1);
  });

  it('only counts on request', async () => {
    await inspect(join(dir, 'faces'), '--counts');
    expect(printed[0]).toBe('3 identities, 6 images');
    expect(text()).not.toContain('read');
  });

  it('ends with status 1 when data sets differ', async () => {
    const other = syntheticFaces({ identities: 3, imagesPerIdentity: 2, seed: 2, size: 24 });
    await writeDataset(other, join(dir, 'other'), { format: 'folder' });
    await verify(join(dir, 'faces'), '--against', join(dir, 'other'));
    expect(text()).toContain('other pixels');
    expect(process.exitCode).toBe(1);
  });
});

describe('what is passed over', () => {
  const said = ['passed over: files that end in .bmp: 1 (x/1.bmp)', 'passed over: folders without images: 1 (x)'];
  beforeEach(async () => {
    await mkdir(join(dir, 'faces', 'x'));
    await writeFile(join(dir, 'faces', 'x', '1.bmp'), 'BM');
  });

  it.each([
    ['inspect', () => inspect(join(dir, 'faces'), '--counts')],
    ['verify', () => verify(join(dir, 'faces'))],
    ['convert', () => convert(join(dir, 'faces'), join(dir, 'to'), '--format', 'recordio')],
    ['draw-pairs', () => drawPairs(join(dir, 'faces'), join(dir, 'pairs.txt'), '--people', '3', '--pairs', '1')],
  ] as const)('is said first by %s', async (_, work) => {
    await work();
    expect(printed.slice(0, 2)).toEqual(said);
    expect(process.exitCode).toBe(0);
  });

  it('is said of who is left out, too', async () => {
    await cp(join(dir, 'faces', 'x'), join(dir, 'faces', 'y'), { recursive: true });
    const [first] = await namesIn(join(dir, 'faces'));
    await rm(join(dir, 'faces', first!, (await namesIn(join(dir, 'faces', first!)))[0]!));
    await convert(join(dir, 'faces'), join(dir, 'to'), '--format', 'folder', '--min-images', '2');
    expect(text()).toContain(`passed over: identities with fewer than 2 images: 1 (${first})`);
  });

  it('fails a verification where the data contradict themselves', async () => {
    await convert(join(dir, 'faces'), join(dir, 'rec'), '--format', 'recordio');
    const index = await readFile(join(dir, 'rec', 'train.idx'), 'utf8');
    await writeFile(join(dir, 'rec', 'train.idx'), index.split('\n').slice(0, 4).join('\n'));
    await verify(join(dir, 'rec'));
    expect(text()).toContain('in conflict: records of the .rec that its .idx does not name');
    expect(process.exitCode).toBe(1);
  });
});

describe('a list of files that lie elsewhere', () => {
  it('opens with --root and --columns in every command', async () => {
    const faces = join(dir, 'faces');
    const rows: string[] = [];
    for (const name of await namesIn(faces)) {
      for (const file of await namesIn(join(faces, name))) rows.push(`/old/faces/${name}/${file},${name}`);
    }
    const list = join(dir, 'list.csv');
    await writeFile(list, `where,who\n${rows.join('\n')}\n`);
    const how = ['--root', faces, '--columns', 'path=where,identity=who'];
    await inspect(list, '--counts', ...how);
    await verify(list, '--against', faces, ...how);
    await convert(list, join(dir, 'to'), '--format', 'folder', ...how);
    expect(text()).toContain(`assumed: paths in which ${faces} stands for /old/faces/: 6 (`);
    expect(text()).toContain('6 images compared, 6 with the same bytes');
    expect(text()).toContain('6 images of 3 identities written');
    await expect(inspect(list, '--columns', 'where')).rejects.toThrow(
      '--columns is "where", expected names of columns',
    );
    await expect(inspect(faces, '--root', dir)).rejects.toThrow('read as folder, which has no such option');
    await expect(verify(list)).rejects.toThrow('line 1 is ["where", "who"]');
  });
});

describe('protomem pairs', () => {
  it('writes the images of a list of pairs, in its order', async () => {
    for (const [name, n] of [
      ['Ada', 1],
      ['Ada', 2],
      ['Bo', 1],
    ] as const) {
      await mkdir(join(dir, name), { recursive: true });
      await writeFile(join(dir, name, `${name}_000${n}.jpg`), `${name} ${n}`);
    }
    await writeFile(join(dir, 'pairs.txt'), '1\nAda\t1\t2\nAda\t2\tBo\t1\n');
    await pairs(join(dir, 'pairs.txt'), dir, join(dir, 'out.bin'));
    const bin = await readVerificationBin(join(dir, 'out.bin'));
    const images = await Promise.all([0, 1, 2, 3].map(async (i) => Buffer.from(await bin.image(i)).toString()));
    expect(images).toEqual(['Ada 1', 'Ada 2', 'Ada 2', 'Bo 1']);
    expect([...bin.issame]).toEqual([1, 0]);
    await pairs(join(dir, 'out.bin'), join(dir, 'back'));
    await pairs(join(dir, 'back', 'pairs.txt'), join(dir, 'back', 'images'), join(dir, 'again.bin'));
    expect(await readFile(join(dir, 'again.bin'))).toEqual(await readFile(join(dir, 'out.bin')));
    await expect(pairs(join(dir, 'out.bin'), join(dir, 'back'))).rejects.toThrow('nothing is overwritten');
    vi.spyOn(SingleBar.prototype, 'update').mockImplementationOnce(() => rmSync(join(dir, 'again.bin')));
    await expect(pairs(join(dir, 'again.bin'), join(dir, 'half'))).rejects.toThrow('again.bin');
    expect((await namesIn(dir)).filter((name) => name.includes('half'))).toEqual([]);
    await rm(join(dir, 'Bo'), { recursive: true });
    await expect(pairs(join(dir, 'pairs.txt'), dir, join(dir, 'b.bin'))).rejects.toThrow('Bo_0001.jpg');
    await expect(pairs(dir)).rejects.toThrow("missing required argument 'images'");
  });
});

describe('protomem draw-pairs', () => {
  it('refuses a name that a list of pairs cannot hold, and writes none', async () => {
    const [faces, list] = [join(dir, 'faces'), join(dir, 'list.txt')];
    for (const person of await namesIn(faces)) {
      const [first] = await namesIn(join(faces, person));
      await rename(join(faces, person, first!), join(faces, person, 'tab\tand\nline.jpg'));
    }
    await expect(drawPairs(faces, list, '--people', '3', '--pairs', '1')).rejects.toThrow(
      'tab\\u0009and\\u000aline.jpg',
    );
    expect(await namesIn(dir)).toEqual(['faces']);
  });

  it('writes paths below the folder, which the reader of pair lists takes', async () => {
    const [faces, list] = [join(dir, 'faces'), join(dir, 'pairs.txt')];
    await drawPairs(faces, list, '--people', '3', '--pairs', '1');
    const { pairs, people } = await readLfwPairs(list);
    expect(pairs.map(({ same }) => same)).toEqual([true, false]);
    for (const { a, b } of pairs) for (const path of [a, b]) await readFile(join(faces, path));
    expect(people.every((name) => name.startsWith('person-'))).toBe(true);
    await expect(drawPairs(faces)).rejects.toThrow("missing required argument 'list'");
  });
});
