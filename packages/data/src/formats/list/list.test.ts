import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { ProtomemError, remarkLines } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { damage, damageText } from '../../../fixtures/damage.ts';
import { filesOf } from '../../../fixtures/files-of.ts';
import { fuzz, fuzzTimeout } from '../../../fixtures/fuzz.ts';
import { writePeople } from '../../../fixtures/people-folder.ts';
import { hostileNames, sourceOfTexts, textsOf } from '../../../fixtures/texts.ts';
import { openSource } from '../../sources/open-source.ts';
import { selectIdentities } from '../../sources/select-identities.ts';
import { folderSource } from '../folder/folder-source.ts';
import { openDataset } from '../open-dataset.ts';
import { listSource } from './list-source.ts';
import { localPath } from './local-path.ts';
import { parseList } from './parse-list.ts';
import { writeList } from './write-list.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-list-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Writes a list, and files with their own names as content. */
async function list(name: string, content: string | Buffer, ...files: readonly string[]): Promise<string> {
  for (const file of files) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), file);
  }
  await writeFile(join(dir, name), content);
  return join(dir, name);
}

describe('listSource', () => {
  it('reads CSV with quotes, BOM, CRLF and empty lines; names in natural order', async () => {
    const file = await list(
      'a.csv',
      '\ufeffsplit,"File Name",Person\r\nx,"b/a,""1"".jpg",Bo 10\r\n\r\nx,b/2.jpg,"Bo 2"\r\ny,b\\3.jpg,"Bo ""2"""\r\nz,b/é.jpg,Bo 10',
      'b/a,"1".jpg',
      'b/2.jpg',
      'b/3.jpg',
      'b/é.jpg',
    );
    const people = [
      ['Bo 2', ['b/2.jpg']],
      ['Bo 10', ['b/a,"1".jpg', 'b/é.jpg']],
      ['Bo "2"', ['b/3.jpg']],
    ];
    const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
    const expected = people.map(([name, images]) => [name, (images as string[]).map(latin1)]);
    const source = await listSource(file);
    expect(await textsOf(source)).toEqual(expected);
    expect(await textsOf(await openSource(structuredClone(source.spec!)))).toEqual(expected);
    expect(await textsOf(await openDataset(file))).toEqual(expected);
    expect((await source.load(0, 0)).name).toBe(join(dir, 'b', '2.jpg'));
  });

  it.each([
    ['a.lst', '5\t10.000000\tx/1.jpg\n0\t2.0\tx/2.jpg\n9\t10\tx/"3.jpg\n'],
    ['b.lst', '1\tx/1.jpg\t10\n1\tx/2.jpg\t2\n0\tx/"3.jpg\t10\t0.5\t7\n'],
    ['train.tsv', '0\tx/1.jpg\t10\n1\tx/2.jpg\t2\n2\tx/"3.jpg\t10\n'],
    ['c.tsv', 'label\tpath\n10\tx/1.jpg\n2\tx/2.jpg\n10\t"x/""3.jpg"\n'],
    ['d.csv', 'path,label,identity\nx/1.jpg,10,Ada\nx/2.jpg,2,Zoe\n"x/""3.jpg",10,Ada\n'],
  ])('reads %s, ordered by label', async (name, content) => {
    const file = await list(name, content, 'x/1.jpg', 'x/2.jpg', 'x/"3.jpg');
    const [first, second] = name === 'd.csv' ? ['Zoe', 'Ada'] : ['2', '10'];
    expect(await textsOf(await listSource(file))).toEqual([
      [first, ['x/2.jpg']],
      [second, ['x/1.jpg', 'x/"3.jpg']],
    ]);
  });

  it('takes names as they are, also those of digits', async () => {
    const rows = ['x/1.jpg,0000045', 'x/2.jpg,045', 'x/3.jpg,Zoe', 'x/4.jpg,45'];
    const file = await list('a.csv', `path,identity\n${rows.join('\n')}\n`, ...rows.map((row) => row.split(',')[0]!));
    const source = await listSource(file);
    expect((await textsOf(source)).map(([name]) => name)).toEqual(['0000045', '045', '45', 'Zoe']);
    expect(selectIdentities(source, { exclude: ['0000045'] }).identities).toBe(3);
  });

  it('takes columns and root by name', async () => {
    const file = await list('a.csv', 'who,where,path\nAda,1.jpg,no\n', 'x/1.jpg');
    const columns = { path: 'where', identity: 'who' };
    const source = await listSource(file, { root: join(dir, 'x'), columns });
    expect(await textsOf(source)).toEqual([['Ada', ['x/1.jpg']]]);
    await expect(listSource(file, { columns: { path: 'here' } })).rejects.toThrow('a column "here"');
    await expect(listSource(file)).rejects.toThrow(`${file}: line 1 is ["who", "where", "path"]`);
  });

  it('takes paths of another machine, where the root is named', async () => {
    const rows = ['/mnt/old/faces/p0/1.jpg', '/mnt/old/faces/p1/1.jpg', join(dir, 'new', 'p1', '2.jpg'), 'p0\\2.jpg'];
    const file = await list(
      'a.lst',
      rows.map((path, i) => `1\t${path}\t${i % 2}\n`).join(''),
      ...['new/p0/1.jpg', 'new/p1/1.jpg', 'new/p1/2.jpg', 'new/p0/2.jpg'],
    );
    const root = join(dir, 'new');
    const source = await openDataset(file, { root });
    expect(await textsOf(source)).toEqual([
      ['0', ['new/p0/1.jpg', 'new/p1/2.jpg']],
      ['1', ['new/p1/1.jpg', 'new/p0/2.jpg']],
    ]);
    expect(remarkLines(source.remarks)).toEqual([
      `assumed: paths in which ${root} stands for /mnt/old/faces/: 2 (/mnt/old/faces/p0/1.jpg; /mnt/old/faces/p1/1.jpg)`,
    ]);
    await expect(openDataset(file)).rejects.toThrow('line 1 is "/mnt/old/faces/p0/1.jpg, a path outside of');
    await expect(openDataset(file)).rejects.toThrow('`root` (--root) names another folder');
    const drive = await list('b.lst', '1\tD:\\faces\\p0\\1.jpg\t0\n1\tE:\\faces\\p1\\1.jpg\t1\n');
    await expect(openDataset(drive, { root })).rejects.toThrow('line 2 is "E:\\faces\\p1\\1.jpg, a path with a drive');
    const out = await list('c.lst', `1\t/mnt/../${'../'.repeat(9)}etc/passwd\t0\n`);
    await expect(openDataset(out, { root })).rejects.toThrow('line 1 is "/mnt/');
  });

  it('counts rows that name a file once more', async () => {
    const file = await list('a.csv', 'path,label\nx/1.jpg,0\nx/2.jpg,1\nx/1.jpg,1\n', 'x/1.jpg', 'x/2.jpg');
    expect(remarkLines((await listSource(file)).remarks)).toEqual([
      'assumed: rows that name a file once more; each is taken: 1 (line 4: x/1.jpg)',
    ]);
  });

  it('says how many files are missing, and which lines name the first of them', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => `${i % 7 === 3 ? 'gone/' : 'x/'}${i}.jpg,${i % 3}`);
    const file = await list(
      'a.csv',
      `path,label\n${rows.join('\n')}\n`,
      ...Array.from({ length: 20 }, (_, i) => `x/${i}.jpg`),
    );
    await mkdir(join(dir, 'gone', '3.jpg'), { recursive: true });
    await expect(listSource(file)).rejects.toThrow(
      `${file}: 3 of 20 paths is "missing in ${dir}: line 5 (gone/3.jpg), line 12 (gone/10.jpg), line 19 (gone/17.jpg)"`,
    );
    await expect(listSource(join(dir, 'b.csv'))).rejects.toThrow('b.csv is "missing"');
    await expect(listSource(join(dir, 'x', '1.jpg'))).rejects.toThrow('a file with another ending');
    await expect(listSource(dir)).rejects.toThrow('list.csv is "missing"');
  });

  it.each([
    ['a.csv', 'path,label\n1.jpg,0\n../1.jpg,0\n', 'line 3 is "../1.jpg, a path outside of'],
    ['a.csv', 'path,label\n/etc/passwd,0\n', 'line 2 is "/etc/passwd, a path outside of'],
    ['a.csv', 'path,label\nx/../../y.jpg,0\n', 'a path outside of'],
    ['a.csv', 'path,label\n..\\1.jpg,0\n', 'a path outside of'],
    ['a.csv', 'path,label\n\\\\server\\share\\1.jpg,0\n', 'a path outside of'],
    ['a.csv', 'path,label\n.,0\n', 'a path outside of'],
    ['a.csv', 'path,label\nx\0.jpg,0\n', 'a path with a zero byte'],
    ['a.csv', 'path,label\nx/CON/1.jpg,0\n', 'names a device on Windows'],
    ['a.csv', 'path,label\nx/Lpt1.jpg,0\n', 'names a device on Windows'],
    ['a.csv', 'path,label\n,0\n', 'line 2 is "an empty path"'],
    ['a.csv', 'path,label\na.jpg,\n', 'line 2 is "a row without identity"'],
    ['a.csv', 'path,label\na.jpg,b,1\n', 'line 2 is "3 fields", expected 2'],
    ['a.csv', 'path,label\na.jpg,1\n\n"b.jpg,1\n', 'line 4 is "CSV_QUOTE_NOT_CLOSED"'],
    ['a.csv', `path,label\n"${'x\n'.repeat(40000)}`, 'CSV_MAX_RECORD_SIZE'],
    ['a.csv', 'path,label,identity\na.jpg,1,Ada\nb.jpg,1,Bo\n', 'line 3 is "Bo", expected Ada, as label 1'],
    ['a.csv', 'path\na.jpg\n', 'a column that says who it is'],
    ['a.csv', 'path,label\n', 'the list is "without rows"'],
    ['a.csv', '', 'the list is "without rows"'],
    ['a.csv', 'a.jpg,Ada\nb.jpg,Bo\n', 'line 1 is ["a.jpg", "Ada"], expected a heading'],
    ['a.lst', '0\t1\t2\t3.5\ta.jpg\n', 'line 1 is "3 labels"'],
    ['a.lst', '0\t1\ta.jpg\n1\t-1\tb.jpg\n', 'line 2 is "label -1"'],
    ['a.lst', '0\t1.5\ta.jpg\n', 'line 1 is "label 1.5"'],
    ['a.tsv', '0\ta.jpg\t0\n1\tb.jpg\tBo\n', 'line 2 is "label Bo"'],
  ])('refuses a list, with its line: %s %j', async (name, content, message) => {
    const file = await list(name, content);
    const refused = listSource(file);
    await expect(refused).rejects.toThrow(ProtomemError);
    await expect(refused).rejects.toThrow(`${file}: `);
    await expect(refused).rejects.toThrow(message);
  });

  it('takes absolute paths within the root, and no drive letters', async () => {
    const file = await list('a.csv', `path,label\n${join(dir, 'x', '1.jpg')},0\n`, 'x/1.jpg');
    expect(await textsOf(await listSource(file))).toEqual([['0', ['x/1.jpg']]]);
    expect(localPath('/a', '/a/b/../c.jpg')).toEqual({ path: 'c.jpg' });
    expect(localPath('/', '/etc/passwd')).toEqual({ path: 'etc/passwd' });
    expect(localPath('/a', '/ab.jpg')).toHaveProperty('refused');
    expect(localPath('/a', 'C:\\b.jpg')).toHaveProperty('refused');
    expect(localPath('/a', '..b/con-1.jpg')).toEqual({ path: '..b/con-1.jpg' });
  });
});

it('refuses damaged lists with an error of its own, whatever the damage', fuzzTimeout, async () => {
  const seeds: [string, string][] = [
    ['a.csv', 'path,label,identity\r\n"a ""1"", b.jpg",10,Ada\r\nx/é.jpg,7,"Bo\n2"\r\nc.jpg,10,Ada\r\n'],
    ['a.tsv', 'path\tidentity\nx/a.jpg\tAda\n"b.jpg"\tBo\n'],
    ['a.lst', '0\t1\tx/a.jpg\n1\t2.000\tb.jpg\n2\t1\tc.jpg\n'],
    ['train.tsv', '0\tx/a.jpg\t1\n1\tb.jpg\t2\n'],
  ];
  const pieces = [
    '',
    '"',
    '""',
    ',',
    '\t',
    '\n',
    '\r',
    '\0',
    '../',
    '/',
    '\\',
    'CON',
    '1',
    '-',
    '\ufeff',
    '\ud800',
    'x'.repeat(70000),
  ];
  await fuzz('lists: csv, tsv, lst', async (random, i) => {
    const [file, text] = seeds[i % 4]!;
    const bytes = random.below(2) ? damage(Buffer.from(text), random) : damageText(text, random, pieces);
    const { index, lines } = await parseList(Readable.from([bytes]), file, '/root');
    expect(index.imageEnds.at(-1)).toBe(lines.length);
    expect(lines.length).toBeLessThanOrEqual(bytes.length);
  });
});

describe('writeList', () => {
  it('keeps names, order and bytes of a folder, there and back', async () => {
    await writePeople(join(dir, 'in'), [2, 1, 3, 1, 1, 1, 1, 1, 1, 1, 2, 1]);
    const folder = await folderSource(join(dir, 'in'));
    await writeList(folder, join(dir, 'out'));
    expect(await textsOf(await openDataset(join(dir, 'out')))).toEqual(await textsOf(folder));
    expect(await filesOf(join(dir, 'out', 'images'))).toEqual(await filesOf(join(dir, 'in')));
    expect((await readFile(join(dir, 'out', 'list.csv'), 'utf8')).split('\n').slice(0, 3)).toEqual([
      'path,identity,label',
      'images/id0/0.png,id0,0',
      'images/id0/1.png,id0,0',
    ]);
    await expect(writeList(folder, join(dir, 'out'))).rejects.toThrow('there already');
  });

  it('keeps any names of identities, in any order, and stays in its folder', async () => {
    const hostile: [string, string[]][] = hostileNames.map((name, i) => [name, [`image ${i}`, `other ${i}`]]);
    await writeList(sourceOfTexts(hostile), join(dir, 'out'));
    expect(await textsOf(await listSource(join(dir, 'out')))).toEqual(hostile);
    expect(await readdir(dir)).toEqual(['out']);
    expect((await readdir(join(dir, 'out'))).sort()).toEqual(['images', 'list.csv']);
    expect(await readdir(join(dir, 'out', 'images'))).toHaveLength(hostile.length);
  });

  it('leaves nothing behind when an image cannot be read', async () => {
    const source = sourceOfTexts([['Ada', ['a', 'b']]]);
    const broken = { ...source, load: () => Promise.reject(new Error('gone')) };
    await expect(writeList(broken, join(dir, 'out'))).rejects.toThrow('gone');
    expect(await readdir(dir)).toEqual([]);
  });
});
