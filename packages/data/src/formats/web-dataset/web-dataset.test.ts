import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ProtomemError, remarkLines } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textsOf } from '../../../fixtures/texts.ts';
import { openSource } from '../../sources/open-source.ts';
import { openDataset } from '../open-dataset.ts';
import { webDatasetSource } from './web-dataset-source.ts';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/web-dataset/${name}.tar`, import.meta.url));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-web-dataset-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Makes a tar archive with tar(1) of files in this order. */
async function tar(name: string, files: Readonly<Record<string, string>>, ...options: string[]): Promise<string> {
  const folder = await mkdtemp(join(dir, 'in-'));
  for (const [file, content] of Object.entries(files)) {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  execFileSync('tar', ['-cf', join(dir, name), ...options, '-C', folder, ...Object.keys(files)]);
  return join(dir, name);
}

describe('webDatasetSource on archives of independent writers', () => {
  it.each(['gnu', 'ustar', 'pax'])('reads tar(1), format %s: labels as numbers, in order', async (name) => {
    const people = [
      ['3', ['image 1']],
      ['7', ['image 0', 'image 2']],
      ['10', ['image 3']],
    ];
    const source = await webDatasetSource(golden(name));
    expect(await textsOf(source)).toEqual(people);
    expect(await textsOf(await openSource(structuredClone(source.spec!)))).toEqual(people);
    expect((await source.load(0, 0)).name).toBe(`${golden(name)}#3/0001.jpg`);
  });

  it.each(['ustar', 'gnu', 'pax'])(
    "reads Python's tarfile, format %s: identities by name, in natural order",
    async (name) => {
      const source = await webDatasetSource(golden(`python-${name}`));
      expect(await textsOf(source)).toEqual([
        ['Ada', ['image 1']],
        ['Bo', ['image 3']],
        ['Çelik', ['image 0', 'image 2']],
      ]);
      expect((await source.load(2, 1)).name).toBe(`${golden(`python-${name}`)}#Çelik/2.png`);
    },
  );

  it('refuses what is no plain file', async () => {
    await expect(webDatasetSource(golden('sparse'))).rejects.toThrow(/offset \d+ is ".*0004.jpg: a sparse file"/);
    await expect(webDatasetSource(golden('links'))).rejects.toThrow('0004.jpg: a symbolic link');
    const plain = await readFile(golden('ustar'));
    const heads = { bzip2: 'BZh91AY', xz: '\xfd7zXZ\0', zstd: '\x28\xb5\x2f\xfd' };
    const compressed = Object.entries(heads).map(([name, head]) => [name, Buffer.from(head, 'latin1')] as const);
    for (const [name, bytes] of [['gzip', gzipSync(plain)] as const, ...compressed]) {
      await writeFile(join(dir, 'a.tar'), bytes);
      await expect(webDatasetSource(join(dir, 'a.tar'))).rejects.toThrow(
        `compressed with ${name}", expected a tar archive. Decompress`,
      );
    }
    await writeFile(join(dir, 'b.tar.gz'), gzipSync(plain));
    await expect(webDatasetSource(join(dir, 'b.tar.gz'))).rejects.toThrow('Decompress it first');
  });
});

describe('webDatasetSource', () => {
  it('opens a folder in natural order, and patterns', async () => {
    for (const [i, label] of [0, 1, 0].entries()) {
      await tar(`s-${i + 9}.tar`, { 'x.jpg': `image ${i}`, 'x.cls': String(label) });
    }
    const people = [
      ['0', ['image 0', 'image 2']],
      ['1', ['image 1']],
    ];
    expect(await textsOf(await webDatasetSource(dir))).toEqual(people);
    expect(await textsOf(await openDataset(dir))).toEqual(people);
    expect(await textsOf(await openDataset(join(dir, 's-{9..11}.tar')))).toEqual(people);
    expect(await textsOf(await webDatasetSource(join(dir, '{s,s}-{10,9}.tar')))).toEqual([
      ['0', ['image 0', 'image 0']],
      ['1', ['image 1', 'image 1']],
    ]);
    await expect(webDatasetSource(join(dir, 's-{9..12}.tar'))).rejects.toThrow('s-12.tar is "missing"');
    await expect(webDatasetSource(join(dir, 's-{9..1000000000}.tar'))).rejects.toThrow('a pattern of 999999992 names');
    await expect(webDatasetSource(join(dir, 's-{007..003}.tar'))).rejects.toThrow('ranges from low to high');
    await expect(webDatasetSource(join(dir, 's-{007..008}.tar'))).rejects.toThrow('s-007.tar is "missing"');
  });

  it('takes who it is from the field that is asked for', async () => {
    const file = await tar('a.tar', {
      'Ada/1.jpg': 'a',
      'Ada/1.cls': '4',
      'Ada/1.id.txt': 'eve\n',
      'Ada/1.json': '{"label": 9, "identity": "Ada L.", "name": "one.jpg", "person": "p2"}',
    });
    const nameWith = async (identity?: string): Promise<string> =>
      (await webDatasetSource(file, identity ? { identity } : {})).identityName(0);
    expect(await Promise.all([undefined, 'cls', 'id.txt', 'json', 'json.person', '.'].map(nameWith))).toEqual([
      'Ada L.',
      '4',
      'eve',
      'Ada L.',
      'p2',
      'Ada',
    ]);
    await expect(nameWith('txt')).rejects.toThrow('Ada/1 with .jpg, .cls, .id.txt, .json", expected who it is: .txt');
    await expect(nameWith('json.who')).rejects.toThrow('expected who it is: .json, key who');
  });

  it('takes names of digits as they are, and numbers by their value', async () => {
    const file = await tar('a.tar', {
      '007/1.jpg': 'a',
      '007/1.cls': '010.0',
      '007/1.id.txt': '0045',
      '007/1.json': '{"identity": "0045"}',
      '7/2.jpg': 'b',
      '7/2.cls': '10',
      '7/2.id.txt': '45',
      '7/2.json': '{"identity": "45"}',
    });
    const namesWith = async (identity: string): Promise<string[]> =>
      (await textsOf(await webDatasetSource(file, { identity }))).map(([name]) => name);
    expect(await Promise.all(['id.txt', 'json', 'json.identity', '.'].map(namesWith))).toEqual([
      ['0045', '45'],
      ['0045', '45'],
      ['0045', '45'],
      ['007', '7'],
    ]);
    const numbered = await tar('b.tar', { '1.jpg': 'a', '1.cls': '010.0', '2.jpg': 'b', '2.cls': '10' });
    expect(await textsOf(await webDatasetSource(numbered))).toEqual([['10', ['a', 'b']]]);
  });

  it('reads names with dots, each image with the files that begin with its name', async () => {
    const file = await tar('a.tar', {
      'Doe_1.jpg': 'a',
      'Doe_1.cls': 'doe',
      'J.Doe_1.jpg': 'b',
      'J.Doe_1.cls': 'j.doe',
      'J.Doe_2.cls': 'j.doe',
      'J.Doe_2.JPG': 'c',
      'J.doe_2.jpg': 'other',
      'J.doe_2.cls': 'j.d',
      'v1.0/M.L.K._1.jfif': 'd',
      'v1.0/M.L.K._1.json': '{"identity": "mlk"}',
      'v1.0/M.L.K._1.mask.png': 'mask',
      'v1.0/x_0.25.jpe': 'e',
      'v1.0/x_0.25.id.txt': 'x',
      'v1.0/x_0.25.cls': 'x',
    });
    const source = await webDatasetSource(file);
    expect(await textsOf(source)).toEqual([
      ['doe', ['a']],
      ['j.d', ['other']],
      ['j.doe', ['b', 'c']],
      ['mlk', ['d']],
      ['x', ['e']],
    ]);
    expect((await source.load(2, 1)).name).toBe(`${file}#j.doe/J.Doe_2.jpg`);
    expect(remarkLines(source.remarks)).toEqual([
      'passed over: further images of a sample: 1 (v1.0/M.L.K._1.mask.png)',
    ]);
    const refused = webDatasetSource(await tar('b.tar', { 'J.1.jpg': 'a', 'J.1.cls': '0', 'J.2.jpg': 'b' }));
    await expect(refused).rejects.toThrow('J.2 with .jpg", expected who it is');
  });

  it('counts what it passes over, also from a saved index', async () => {
    const file = await tar('a.tar', {
      'a/1.jpg': 'a',
      'a/1.cls': '0',
      'a/1.mask.png': 'm',
      'a/2.bmp': 'b',
      'a/2.cls': '1',
      'a/3.left.png': 'l',
      'a/3.right.png': 'r',
      'a/3.cls': '1',
      'a/.4.jpg': 'h',
      'a/README': 't',
      '__meta__/5.jpg': 'k',
    });
    const lines = [
      'passed over: further images of a sample: 1 (a/1.mask.png)',
      'passed over: samples without an image: 2 (a/2 with .bmp, .cls; a/3 with .left.png, .right.png, .cls)',
      'passed over: names that begin with a dot: 1 (a/.4.jpg)',
      'passed over: files without an ending: 1 (a/README)',
      'passed over: names that WebDataset keeps for itself (`__...__`): 1 (__meta__/5.jpg)',
    ];
    const said = async (): Promise<string[]> =>
      remarkLines((await webDatasetSource(file, { saveIndex: true })).remarks);
    expect((await said()).sort()).toEqual([...lines].sort());
    expect((await said()).sort()).toEqual([...lines].sort());
  });

  it('takes folders for identities where nothing has a label, and only there', async () => {
    const images = { 'p1/a.x.jpg': 'a', 'p0/1.jpg': 'b', 'p1/2.jpg': 'c' };
    const source = await webDatasetSource(await tar('a.tar', images));
    expect(await textsOf(source)).toEqual([
      ['p0', ['b']],
      ['p1', ['a', 'c']],
    ]);
    expect(remarkLines(source.remarks)).toEqual([
      'assumed: images without a label, whose folder is taken for who it is: 3 (p1/a.x.jpg; p0/1.jpg; p1/2.jpg)',
    ]);
    for (const files of [
      { ...images, 'p1/2.cls': '0' },
      { ...images, 'p3/1.json': '{"label":1}' },
    ]) {
      await expect(webDatasetSource(await tar('b.tar', files))).rejects.toThrow(
        'p1/a.x with .jpg", expected who it is',
      );
    }
    await expect(webDatasetSource(await tar('c.tar', { '1.jpg': 'a' }))).rejects.toThrow('1 with .jpg');
  });

  it('names shard and offset of what is wrong in a sample', async () => {
    const refused = async (files: Record<string, string>): Promise<string> => {
      const file = await tar('a.tar', files);
      return webDatasetSource(file).then(
        () => 'nothing',
        (error: Error) => {
          expect(error).toBeInstanceOf(ProtomemError);
          expect(error.message).toContain(`${file}: offset `);
          return error.message;
        },
      );
    };
    expect(await refused({ '1.jpg': 'a', '2.jpg': 'b', '1.cls': '0' })).toContain('1 with .jpg');
    expect(await refused({ '1.jpg': 'a', '1.png': 'b', '1.cls': '0' })).toContain('1.jpg, 1.png');
    expect(await refused({ '1.jpg': 'a', '1.cls': ' ' })).toContain('1.cls without content');
    expect(await refused({ '1.jpg': 'a', '1.cls': '1'.repeat(2 ** 20 + 1) })).toContain('1.cls of 1048577 bytes');
    expect(await refused({ '1.jpg': 'a', '1.json': '{' })).toContain('1.json is "{", expected JSON');
    expect(await refused({ '1.jpg': 'a', '1.json': '[1]' })).toContain('1.json: [1]');
    expect(await refused({ '1.jpg.gz': 'a', '1.cls': '1' })).toContain('a file that is not compressed');
    expect(
      await refused({
        '1.jpg': 'a',
        '1.json': '{"label":1,"identity":"A"}',
        '2.jpg': 'a',
        '2.json': '{"label":1,"identity":"B"}',
      }),
    ).toContain('"B", expected A, as label 1 was called before');
    await expect(webDatasetSource(await tar('b.tar', { 'a.txt': 'x' }))).rejects.toThrow('without images');
  });

  it('finds archives that were cut short, joined, or are none', async () => {
    const file = join(dir, 'a.tar');
    const bytes = await readFile(golden('python-ustar'));
    await cp(golden('python-ustar'), file);
    for (const [length, message] of [
      [512 * 2, /offset 1024 is "the end of the file, 0 bytes/],
      [512 * 2 + 100, /offset 1024 is "the end of the file, 100 bytes/],
      [512 + 20, /offset 0 is "a member of \d+ bytes/],
      [0, /offset 0 is "the end of the file/],
    ] as const) {
      await writeFile(file, bytes.subarray(0, length));
      await expect(webDatasetSource(file)).rejects.toThrow(message);
    }
    await writeFile(file, Buffer.concat([bytes, bytes]));
    await expect(webDatasetSource(file)).rejects.toThrow(`offset ${bytes.length} is "more behind the end`);
    await writeFile(file, 'no archive'.repeat(100));
    await expect(webDatasetSource(file)).rejects.toThrow('Is this a tar archive?');
  });
});
