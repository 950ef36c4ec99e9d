import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesOf } from '../../fixtures/files-of.ts';
import { writePeople } from '../../fixtures/people-folder.ts';
import { hostileNames, sourceOfTexts, textsOf } from '../../fixtures/texts.ts';
import { selectImages } from '../sources/select-images.ts';
import { openDataset } from './open-dataset.ts';
import { writeDataset } from './write-dataset.ts';

const formats = ['folder', 'recordio', 'webdataset', 'list', 'lmdb'] as const;
const pairs = formats.flatMap((a) => formats.map((b) => [a, b] as const));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-formats-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('conversion keeps identities, order and bytes', () => {
  it.each(pairs)('folder to %s to %s to folder', async (first, second) => {
    await writePeople(join(dir, 'in'), [2, 1, 3, 1, 1, 1, 1, 1, 1, 1, 12, 1]);
    const folder = await openDataset(join(dir, 'in'));
    const expected = await textsOf(folder);
    await writeDataset(folder, join(dir, 'a'), { format: first });
    await writeDataset(await openDataset(join(dir, 'a')), join(dir, 'b'), { format: second });
    const source = await openDataset(join(dir, 'b'));
    expect(await textsOf(source)).toEqual(expected);
    await writeDataset(source, join(dir, 'out'), { format: 'folder' });
    expect(await filesOf(join(dir, 'out'))).toEqual(await filesOf(join(dir, 'in')));
  });

  it.each(['recordio', 'webdataset', 'list'] as const)(
    'of identities that are not in natural order: %s',
    async (format) => {
      const people: [string, string[]][] = [
        ['10', ['b', 'a']],
        ['Zoe', ['c']],
        ['9', ['d']],
        ['Ada', ['e', 'f']],
      ];
      await writeDataset(sourceOfTexts(people), join(dir, 'a'), { format });
      expect(await textsOf(await openDataset(join(dir, 'a')))).toEqual(people);
    },
  );
});

it.each(formats)('no image is given in place of one that is not there: %s', async (format) => {
  await writeDataset(
    sourceOfTexts([
      ['Ada', ['a', 'b']],
      ['Bo', ['c', 'd']],
    ]),
    join(dir, 'a'),
    { format },
  );
  const source = await openDataset(join(dir, 'a'));
  const some = selectImages(source, () => [1]);
  for (const [of, identity, image, there] of [
    [source, 0, 2, 'its 2 image'],
    [source, 1, -1, 'its 2 image'],
    [source, 0, 0.5, 'its 2 image'],
    [source, 2, 0, 'the 2 identities'],
    [source, -1, 0, 'the 2 identities'],
    [some, 0, 1, 'its 1 image'],
  ] as const) {
    await expect(of.load(identity, image)).rejects.toThrow(
      new RegExp(`image ${image} of identity ${identity} in .* is "missing", expected one of ${there}`),
    );
  }
});

it.each(formats)('a writer takes any name, and writes nowhere else: %s', async (format) => {
  const people: [string, string[]][] = hostileNames.map((name, i) => [name, [`image ${i}`, `other ${i}`]]);
  await writeDataset(sourceOfTexts(people), join(dir, 'a', 'b'), { format });
  expect(await readdir(dir)).toEqual(['a']);
  expect(await readdir(join(dir, 'a'))).toEqual(['b']);
  const read = await textsOf(await openDataset(join(dir, 'a', 'b')));
  expect(read.map(([, images]) => images)).toEqual(people.map(([, images]) => images));
});

it.each(['list', 'recordio'] as const)(
  'names with orders, tabs, line ends and formulas come back: %s',
  async (format) => {
    const names = [
      'tab\there',
      'line\nend\r\n',
      '\x1b[2J',
      '=cmd()',
      "'=cmd()",
      '@a',
      '-1+2',
      'a\\u001b',
      '"q", r',
      ' é ',
    ];
    const people = names.map((name, i): [string, string[]] => [name, [`image ${i}`, `other ${i}`]]);
    await writeDataset(sourceOfTexts(people), join(dir, 'a'), { format });
    expect(await textsOf(await openDataset(join(dir, 'a')))).toEqual(people);
    const [file] = (await readdir(join(dir, 'a'))).filter((name) => /\.[ct]sv$/.test(name));
    const text = await readFile(join(dir, 'a', file!), 'utf8');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant.
    expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]|(^|[,\t])"?[=+@-]/m);
  },
);
