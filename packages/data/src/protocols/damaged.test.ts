import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { jsonPieces } from '@protomem/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { damage, damageText } from '../../fixtures/damage.ts';
import { fuzz, fuzzTimeout } from '../../fixtures/fuzz.ts';
import { readCfpPairs } from './cfp-pairs.ts';
import { readIjbFaces, readIjbMembers, readIjbPairs, readIjbSubjects } from './ijb.ts';
import { readLfwPairs } from './lfw-pairs.ts';
import { pathEnds, readMegaFaceList, readMegaFaceNoises } from './megaface.ts';
import { readTwoLinePairs } from './two-line-pairs.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'protomem-protocols-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const write = (name: string, bytes: string | Uint8Array): string => {
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
};

const lfw = '2\t1\nA_B\t1\t12\nA_B\t2\tC\t3\nC\t1\t2\nD\t7\tC\t1000\n';
const lists: readonly (readonly [string, string, (path: string) => Promise<unknown>])[] = [
  ['lfw pairs', lfw, readLfwPairs],
  ['lfw pairs of paths', 'Ada L/x 1.png\tAda L/b.jpg\t1\r\nAda L/b.jpg\tBo/c/1.jpg\t0\n', readLfwPairs],
  ['two-line pairs', 'A_0001.jpg 1\nA_0002.jpg 1\nB b_0001.jpg 0\nC_0001.jpg 0\n', readTwoLinePairs],
  ['ijb members', '1.jpg 1 69544\n2 b.jpg 1 -3\n3.jpg 2 4\n', readIjbMembers],
  ['ijb pairs', '1 11065 1\n2,3,0\n4\t5\t1\n', readIjbPairs],
  ['ijb faces', '1.jpg 1 2 3.5 4 5 6 7 8 9 1e1 .98\n2 b.jpg 1 2 3 4 5 6 7 8 9 10 0.5\n', readIjbFaces],
  ['ijb subjects', 'TEMPLATE_ID,SUBJECT_ID,"F,N"\n1,7,a\n1,7,"b\n"\n2,8,c\n', readIjbSubjects],
  ['megaface list', '{"path": ["a/b/1.jpg", "a/c/2.jpg"], "id": ["b", 7]}', readMegaFaceList],
];
const pieces = [
  ...jsonPieces,
  '\t',
  '\t1',
  '1',
  '0',
  '\r',
  '\n\n',
  '#',
  'A',
  '.jpg',
  '/',
  '//',
  '\u2028',
  ' '.repeat(500),
];

describe('damaged lists', () => {
  it.each(lists)('%s', fuzzTimeout, async (name, text, read) => {
    const path = write(`${name}.txt`, text);
    await read(path);
    await fuzz(
      name,
      (random) => {
        const bytes = random.below(2) ? damage(Buffer.from(text), random) : damageText(text, random, pieces);
        return read(write(`${name}.txt`, bytes));
      },
      { refused: [0.05, 0.99] },
    );
  });

  it('megaface noises', fuzzTimeout, async () => {
    const text = '# noise\n1\ta/b/1.jpg\nc/d.jpg\n';
    await fuzz(
      'megaface noises',
      (random) => readMegaFaceNoises(write('noises.txt', damageText(text, random, pieces))),
      // Any line is a name.
      { refused: [0, 0.99] },
    );
  });

  it('cfp pairs', fuzzTimeout, async () => {
    const base = join('cfp', 'Protocol');
    const images = '1 ../Data/Images/001/frontal/01.jpg\n2 ../Data/Images/002/frontal/01.jpg\n';
    for (let fold = 1; fold <= 10; fold++) {
      for (const name of ['same.txt', 'diff.txt']) {
        write(join(base, 'Split', 'FF', String(fold).padStart(2, '0'), name), '1,1\n1 , 2\n');
      }
    }
    const attempt = (list: Uint8Array | string, pairs: Uint8Array | string) => {
      write(join(base, 'Pair_list_F.txt'), list);
      write(join(base, 'Split', 'FF', '03', 'same.txt'), pairs);
      return readCfpPairs(join(dir, 'cfp'), 'FF');
    };
    await attempt(images, '1,2\n');
    // Each reads 21 files.
    await fuzz(
      'cfp pairs',
      (random) => attempt(damageText(images, random, pieces), damageText('1,2\n', random, pieces)),
      { share: 0.1 },
    );
  });
});

describe('long lines', () => {
  /** Of each of these a quadratic reader needs minutes. */
  const length = 400_000;
  const long: readonly string[] = [
    ' '.repeat(length),
    `a${' '.repeat(length)}b`,
    `a${' '.repeat(length)}1 x`,
    `a${'\t '.repeat(length / 2)}b`,
    `a/${'a/'.repeat(length / 2)}`,
    `a/${'a/'.repeat(length / 4)}\t${'b/'.repeat(length / 4)}\t2`,
    '1'.repeat(length),
    '1 '.repeat(length / 2),
    `1 ${'_1.a'.repeat(length / 4)}\u2028${' '.repeat(1000)}`,
    `1${' \u2028'.repeat(length / 2)}x\u2028`,
    '"'.repeat(length),
    '{"path":['.repeat(length / 9),
  ];
  it.each(lists)('do not hold up %s', async (name, _, read) => {
    for (const line of long) {
      const path = write(`long ${name}.txt`, `${line}\n`);
      await read(path).catch((error: Error) => {
        expect(error.name).toBe('ProtomemError');
        expect(error.message.length).toBeLessThan(5000);
      });
    }
  });

  it('make no more ends of a path than folders that data sets have', () => {
    expect(pathEnds('a/b/c')).toEqual(['a/b/c', 'b/c', 'c']);
    expect(pathEnds('/a')).toEqual(['/a', 'a']);
    expect(pathEnds('a')).toEqual(['a']);
    const ends = pathEnds('a/'.repeat(length));
    expect([ends.length, ends.at(-1), ends.at(-3)]).toEqual([33, '', 'a/a/']);
  });
});
