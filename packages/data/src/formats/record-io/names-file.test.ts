import { expect, it } from 'vitest';
import { imageNameOf, parseNamesFile } from './names-file.ts';

const parse = (text: string) => parseNamesFile(Buffer.from(text), 'train.tsv');

it('passes over a heading and empty lines', () => {
  const names = parse('key\tpath\tlabel\n1\tAda/a.jpg\t0\r\n\r\n\n2\tBo/b.jpg\t1');
  expect([...names.identities]).toEqual([
    [0, 'Ada'],
    [1, 'Bo'],
  ]);
  expect([1, 2, 3].map((key) => imageNameOf(names, key))).toEqual(['a.jpg', 'b.jpg', undefined]);
});

it.each([
  ['1\tAda/a.jpg\t0\n2 Bo/b.jpg 1\n', 'train.tsv: line 2 is "2 Bo/b.jpg 1", expected a key, a path and a label'],
  ['1 Ada/a.jpg 0\n 2 Bo/b.jpg 1\n', 'train.tsv: line 2'],
  ['1\tAda/a.jpg\t0\n\n1\tBo/b.jpg\t1\n', 'train.tsv: line 3 is "key 1", expected a key above'],
  ['1\tAda/a.jpg\t0\n2\tBo/b.jpg\n', 'train.tsv: line 2'],
])('refuses %j', (text, message) => {
  expect(() => parse(text)).toThrow(message);
});
