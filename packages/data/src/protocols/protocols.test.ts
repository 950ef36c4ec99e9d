import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCfpPairs } from './cfp-pairs.ts';
import { readIjbFaces, readIjbMembers, readIjbPairs, readIjbSubjects } from './ijb.ts';
import { noisyRows, readMegaFaceList, readMegaFaceNoises } from './megaface.ts';
import { parseTwoLinePairs } from './two-line-pairs.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-protocols-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

describe('readCfpPairs', () => {
  const images = (kind: string): string =>
    [1, 2, 3].map((n) => `${n} ../Data/Images/00${n}/${kind}/0${n}.jpg\r\n`).join('');

  async function protocol(name: string, changes: Readonly<Record<string, string>> = {}): Promise<string> {
    const files: Record<string, string> = {
      'Pair_list_F.txt': images('frontal'),
      'Pair_list_P.txt': images('profile'),
    };
    for (let fold = 1; fold <= 10; fold++) {
      const base = `Split/FP/${String(fold).padStart(2, '0')}`;
      files[`${base}/same.txt`] = '1,1\n2, 2\n';
      files[`${base}/diff.txt`] = '1,2\n3,1\n';
    }
    for (const [path, text] of Object.entries({ ...files, ...changes })) await file(`${name}/Protocol/${path}`, text);
    return join(folder, name);
  }

  it('reads ten folds, same pairs first, as paths below the folder', async () => {
    const { pairs, folds, people } = await readCfpPairs(await protocol('cfp'), 'FP');
    expect(folds).toBe(10);
    expect(people).toEqual(['001', '002', '003']);
    expect(pairs.length).toBe(40);
    expect(pairs.slice(4, 8)).toEqual([
      { a: 'Data/Images/001/frontal/01.jpg', b: 'Data/Images/001/profile/01.jpg', same: true, fold: 1 },
      { a: 'Data/Images/002/frontal/02.jpg', b: 'Data/Images/002/profile/02.jpg', same: true, fold: 1 },
      { a: 'Data/Images/001/frontal/01.jpg', b: 'Data/Images/002/profile/02.jpg', same: false, fold: 1 },
      { a: 'Data/Images/003/frontal/03.jpg', b: 'Data/Images/001/profile/01.jpg', same: false, fold: 1 },
    ]);
  });

  it('names file and line of what is wrong', async () => {
    const odd = await protocol('odd', { 'Split/FP/03/diff.txt': '1,2\n\n1;2\n' });
    await expect(readCfpPairs(odd, 'FP')).rejects.toThrow(/03.diff\.txt: line 3 is "1;2", expected "number,number"/);
    const unknown = await protocol('unknown', { 'Split/FP/01/same.txt': '1,7\n' });
    await expect(readCfpPairs(unknown, 'FP')).rejects.toThrow(
      'line 1 is "1,7", expected a second number of Pair_list_P',
    );
    const twice = await protocol('twice', { 'Pair_list_F.txt': '1 ../Data/a/b.jpg\n1 ../Data/a/c.jpg\n' });
    await expect(readCfpPairs(twice, 'FP')).rejects.toThrow('Pair_list_F.txt: line 2');
    const outside = await protocol('outside', { 'Pair_list_F.txt': '1 ../../../etc/passwd\n' });
    await expect(readCfpPairs(outside, 'FP')).rejects.toThrow('expected a path such as ../Data/Images');
    const empty = await protocol('empty', { 'Split/FP/09/same.txt': '' });
    await expect(readCfpPairs(empty, 'FP')).rejects.toThrow(/09.same\.txt: the file is "no entry"/);
    await expect(readCfpPairs(join(folder, 'nowhere'), 'FP')).rejects.toThrow('unreadable');
    await expect(readCfpPairs(await protocol('cfp2'), 'PP' as 'FP')).rejects.toThrow('expected one of FF, FP');
  });
});

describe('parseTwoLinePairs', () => {
  it('deals pairs of either kind to ten folds, whatever ends the lines', () => {
    const text = Array.from({ length: 40 }, (_, i) => {
      const same = i < 20;
      return `Ann B_${i}_0001.jpg ${same ? 3 : 0}\r\nBo_0002.jpg ${same ? 1 : 0}\r\n`;
    }).join('\r\n');
    const { pairs, folds, people } = parseTwoLinePairs(`\uFEFF${text}`);
    expect(folds).toBe(10);
    expect(pairs.length).toBe(40);
    expect(pairs.slice(0, 5).map(({ a, same, fold }) => [a, same, fold])).toEqual([
      ['Ann B_0_0001.jpg', true, 0],
      ['Ann B_1_0001.jpg', true, 0],
      ['Ann B_20_0001.jpg', false, 0],
      ['Ann B_21_0001.jpg', false, 0],
      ['Ann B_2_0001.jpg', true, 1],
    ]);
    expect(people).toContain('Bo');
  });

  it('refuses an odd line and two labels', () => {
    expect(() => parseTwoLinePairs('a.jpg 1\nb.jpg 1\nc.jpg 0\n', 'list')).toThrow('list: line 3 is "c.jpg 0"');
    expect(() => parseTwoLinePairs('a.jpg 1\nb.jpg 0\n', 'list')).toThrow('expected a label of the same kind');
    expect(() => parseTwoLinePairs('a.jpg\nb.jpg 0\n', 'list')).toThrow('list: line 1 is "a.jpg"');
    expect(() => parseTwoLinePairs('\n\n', 'list')).toThrow('no entry');
  });
});

describe('IJB lists', () => {
  it('reads members, names with blanks too', async () => {
    const path = await file('tid_mid.txt', '1.jpg 1 69544\r\n\r\nmy face.jpg\t2\t7\r\n');
    const { images, templates, media } = await readIjbMembers(path);
    expect(images).toEqual(['1.jpg', 'my face.jpg']);
    expect([...templates, ...media]).toEqual([1, 2, 69544, 7]);
    await expect(readIjbMembers(await file('bad.txt', '1.jpg 1 2\n1.jpg x 2\n'))).rejects.toThrow(
      'bad.txt: line 2 is "1.jpg x 2"',
    );
  });

  it('reads pairs across chunks and line ends', async () => {
    // Longer than a chunk of reading, so that a number is cut in two somewhere.
    const count = 120_000;
    const lines = Array.from({ length: count }, (_, i) => `${i} ${1_000_000 + i} ${i % 2}`);
    const { pairs, labels } = await readIjbPairs(await file('pairs.txt', lines.join('\r\n')));
    expect(labels.length).toBe(count);
    for (let i = 0; i < count; i++) {
      if (pairs[2 * i] !== i || pairs[2 * i + 1] !== 1_000_000 + i || labels[i] !== i % 2) expect(i).toBe(-1);
    }
  });

  it.each([
    ['1 2\n', 'line 1 is "2 integers"'],
    ['1 2 1\n1 2 1 4\n', 'line 2 is "more than 3 integers"'],
    ['1 2 1\r\n\r\n1 a 1\r\n', 'line 3 is "the character a"'],
    ['1 2 2\n', 'label of pair 1 is 2, expected 1 or 0'],
    ['1 99999999999 1\n', 'line 1 is "99999999999"'],
    ['1 - 1\n', 'a minus without digits'],
    ['', 'no entry'],
  ])('refuses the pairs %j', async (text, message) => {
    await expect(readIjbPairs(await file('refused.txt', text))).rejects.toThrow(message);
  });

  it('reads landmarks and scores', async () => {
    const numbers = Array.from({ length: 10 }, (_, i) => i + 0.5).join(' ');
    const { images, landmarks, scores } = await readIjbFaces(await file('faces.txt', `a b.jpg ${numbers} 0.99\n`));
    expect(images).toEqual(['a b.jpg']);
    expect(landmarks[9]).toBe(9.5);
    expect(scores[0]).toBeCloseTo(0.99, 6);
    await expect(readIjbFaces(await file('few.txt', 'a.jpg 1 2 3\n'))).rejects.toThrow('few.txt: line 1');
    await expect(readIjbFaces(await file('nan.txt', `a.jpg ${numbers} nan\n`))).rejects.toThrow('nan.txt: line 1');
  });

  it('reads subjects of a table by its header', async () => {
    const text = 'TEMPLATE_ID,SUBJECT_ID,FILENAME\r\n5,1,img/1.png\r\n5,1,"img/2, b.png"\r\n6,2,img/3.png\r\n';
    const { templates, subjects } = await readIjbSubjects(await file('gallery.csv', text));
    expect([...templates, ...subjects]).toEqual([5, 6, 1, 2]);
    const lost = await file('lost.csv', '5,1,img/1.png\n6,1,img/1.png\n');
    await expect(readIjbSubjects(lost)).rejects.toThrow(
      'lost.csv: line 1 is "5,1,img/1.png", expected a column TEMPLATE_ID',
    );
    const two = await file('two.csv', 'TEMPLATE_ID,SUBJECT_ID\n5,1\n5,2\n');
    await expect(readIjbSubjects(two)).rejects.toThrow(
      'line 3 is "template 5 of subject 2", expected subject 1, as before',
    );
    const text2 = await file('text.csv', 'TEMPLATE_ID,SUBJECT_ID\n5,x\n');
    await expect(readIjbSubjects(text2)).rejects.toThrow('line 2 is "SUBJECT_ID x", expected integers');
  });
});

describe('MegaFace lists', () => {
  it('reads JSON and text', async () => {
    const json = await file('list.json', JSON.stringify({ id: ['Ann', 'Bo'], path: ['Ann/1.png', 'Bo/2.png'] }));
    expect(await readMegaFaceList(json)).toEqual({ images: ['Ann/1.png', 'Bo/2.png'], people: ['Ann', 'Bo'] });
    const text = await file('list.txt', 'fs/Ann X/1.png\r\nfs/Bo/2.png\r\n');
    expect(await readMegaFaceList(text)).toEqual({
      images: ['fs/Ann X/1.png', 'fs/Bo/2.png'],
      people: ['Ann X', 'Bo'],
    });
    await expect(readMegaFaceList(await file('cut.json', '{"path": ["a"'))).rejects.toThrow('expected JSON (');
    await expect(readMegaFaceList(await file('odd.json', '{"path": ["a"], "id": []}'))).rejects.toThrow(
      '"id" is "0 entries"',
    );
    await expect(readMegaFaceList(await file('none.json', '{"paths": []}'))).rejects.toThrow('"path" is "undefined"');
  });

  it('finds noise by whole paths or their ends, and says when nothing fits', async () => {
    const noises = await readMegaFaceNoises(await file('noises.txt', '# remark\n1.png\n3\t100/9/b.jpg\n'));
    expect([...noises]).toEqual(['1.png', '100/9/b.jpg']);
    expect(noisyRows(['fs/Ann/1.png', 'fs/Ann/11.png', 'mf/100/9/b.jpg'], noises)).toEqual([0, 2]);
    expect(() => noisyRows(['x/y.png'], noises)).toThrow('the noise list is "2 names, such as 1.png"');
  });
});
