import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLfwPairs, readLfwPairs } from './lfw-pairs.ts';

const data = process.env.PROTOMEM_DATA ?? join(import.meta.dirname, '../../../../../shared/data');

describe('parseLfwPairs', () => {
  it('reads folds', () => {
    const text = '2\t1\nA_B\t1\t12\nA_B\t2\tC\t3\nC\t1\t2\nD\t7\tC\t1000\n';
    expect(parseLfwPairs(text)).toEqual({
      folds: 2,
      people: ['A_B', 'C', 'D'],
      pairs: [
        { a: 'A_B/A_B_0001.jpg', b: 'A_B/A_B_0012.jpg', same: true, fold: 0 },
        { a: 'A_B/A_B_0002.jpg', b: 'C/C_0003.jpg', same: false, fold: 0 },
        { a: 'C/C_0001.jpg', b: 'C/C_0002.jpg', same: true, fold: 1 },
        { a: 'D/D_0007.jpg', b: 'C/C_1000.jpg', same: false, fold: 1 },
      ],
    });
  });

  it('reads lists with a count, without a header, and with Windows line ends', () => {
    const body = 'A\t1\t2\r\nA\t2\tB\t3\r\n';
    expect(parseLfwPairs(body)).toEqual(parseLfwPairs(`1\n${body}`));
    expect(parseLfwPairs(body).folds).toBe(1);
  });

  it('reads people who are called by numbers', () => {
    const { pairs, people, folds } = parseLfwPairs('1000\t1\t2\n1001\t1\t1002\t3\n');
    expect([people, folds]).toEqual([['1000', '1001', '1002'], 1]);
    expect(pairs.map(({ a, b, same }) => [a, b, same])).toEqual([
      ['1000/1000_0001.jpg', '1000/1000_0002.jpg', true],
      ['1001/1001_0001.jpg', '1002/1002_0003.jpg', false],
    ]);
    expect(parseLfwPairs('1\n1000 1 2\n1000 1 1001 2\n').people).toEqual(['1000', '1001']);
  });

  it('reads names with spaces where tabs stand between, and refuses them where none do', () => {
    const text = 'Ada Lovelace\t1\t2\r\nAda Lovelace\t2\tBo\t3\r\n';
    expect(parseLfwPairs(text).pairs.map(({ a, b }) => [a, b])).toEqual([
      ['Ada Lovelace/Ada Lovelace_0001.jpg', 'Ada Lovelace/Ada Lovelace_0002.jpg'],
      ['Ada Lovelace/Ada Lovelace_0002.jpg', 'Bo/Bo_0003.jpg'],
    ]);
    expect(() => parseLfwPairs('Ada Lovelace 1 2\n', 'list.txt')).toThrow('list.txt: line 1 is "Ada Lovelace 1 2"');
  });

  it('reads pairs of paths, whatever they are called', () => {
    const text = '1\nAda L/x 1.png\tAda L/b.jpg\t1\r\nAda L/b.jpg\tBo/c/1.jpg\t0\n';
    expect(parseLfwPairs(text)).toEqual({
      folds: 1,
      people: ['Ada L', 'Bo'],
      pairs: [
        { a: 'Ada L/x 1.png', b: 'Ada L/b.jpg', same: true, fold: 0 },
        { a: 'Ada L/b.jpg', b: 'Bo/c/1.jpg', same: false, fold: 0 },
      ],
    });
    expect(parseLfwPairs('1\n./Ada L/x 1.png\t././/Ada L/b.jpg\t1\n./Ada L/b.jpg\tBo/c/1.jpg\t0\n')).toEqual(
      parseLfwPairs(text),
    );
    expect(() => parseLfwPairs('Ada/1.jpg\tBo/1.jpg\t2\n', 'a')).toThrow('a: line 1');
  });

  it.each([
    ['A\t1\t2\nA\t1\n', 'line 2 is "A 1"'],
    ['A\t1\t2\nA\t1\tB\t2\t3\n', 'line 2 is "A 1 B 2 3"'],
    ['A\t1\tx\n', 'line 1 is "A 1 x", expected image numbers'],
    ['A\t0\t2\n', 'line 1 is "A 0 2", expected image numbers'],
    ['10\t300\nA\t1\t2\n', 'the number of pairs is 1, expected 6000, as line 1 says'],
    ['1\nA\t1\t2\nA\t1\t3\nA\t1\tB\t1\n', 'the number of pairs is 3, expected 2'],
    ['0 3\n', 'line 1 is "0 3"'],
    ['', 'the number of pairs is 0'],
  ])('refuses %j', (text, message) => {
    expect(() => parseLfwPairs(text, 'list.txt')).toThrow(`list.txt: ${message}`);
  });

  it('names a file that is missing', async () => {
    await expect(readLfwPairs('/nowhere/pairs.txt')).rejects.toThrow('readLfwPairs: /nowhere/pairs.txt is "unreadable');
  });

  it.skipIf(!existsSync(data))('reads the published lists', async () => {
    const view2 = await readLfwPairs(join(data, 'protocols/lfw_pairs.txt'));
    expect([view2.folds, view2.pairs.length]).toEqual([10, 6000]);
    for (let fold = 0; fold < 10; fold++) {
      const own = view2.pairs.filter((pair) => pair.fold === fold);
      expect(own.map(({ same }) => same)).toEqual([...new Array(300).fill(true), ...new Array(300).fill(false)]);
    }
    const devTest = await readLfwPairs(join(data, 'protocols/lfw_pairsDevTest.txt'));
    expect([devTest.folds, devTest.pairs.length, devTest.people.length]).toEqual([1, 1000, 963]);
    const devTrain = await readLfwPairs(join(data, 'protocols/lfw_pairsDevTrain.txt'));
    expect(devTrain.pairs.filter(({ same }) => same)).toHaveLength(1100);
  });
});
