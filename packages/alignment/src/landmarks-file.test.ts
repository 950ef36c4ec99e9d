import { describe, expect, it } from 'vitest';
import { landmarksFromFile, parseLandmarks } from './landmarks-file.ts';

const photo = { pixels: new Uint8Array(3), width: 1, height: 1 };
const five = [
  [1, 2],
  [3, 4],
  [5, 6],
  [7, 8],
  [9, 10],
];
const numbers = '1,2,3,4,5,6,7,8,9,10';

describe('parseLandmarks', () => {
  it.each([
    ['a.csv', `file,x1,y1\nAda/1.jpg,${numbers}\nAda/2.jpg,${numbers}\nAda/2.jpg,2,${numbers}\n`],
    ['a.CSV', `Ada\\1.jpg, ${numbers},0.9\r\nAda/2.jpg,${numbers}\r\n\r\nAda/2.jpg,2,${numbers}`],
    [
      'a.tsv',
      `Ada/1.jpg\tsome detector\t${numbers.replaceAll(',', '\t')}\t0.75\nAda/2.jpg,${numbers}\nAda/2.jpg,2,${numbers}`.replaceAll(
        /Ada\/2.*/g,
        (line) => line.replaceAll(',', '\t'),
      ),
    ],
    ['a.json', JSON.stringify({ 'Ada/1.jpg': [five], 'Ada/2.jpg': [five, five], 'Ada/3.jpg': [] })],
    ['c.csv', `./Ada/1.jpg,${numbers}\n.\\Ada\\2.jpg,${numbers}\n././/Ada/2.jpg,${numbers}`],
    ['b.json', `\ufeff${JSON.stringify({ 'Ada/1.jpg': [five], 'Ada/2.jpg': [five, five] })}`],
    [
      'a.jsonl',
      `\ufeff{"settings":{}}\n${['1', '2', '2'].map((n) => JSON.stringify({ file: `Ada/${n}.jpg`, landmarks: five })).join('\n')}`,
    ],
  ])('reads %s', async (name, text) => {
    const detect = parseLandmarks(text, name);
    expect(await detect(photo, 'Ada/1.jpg')).toEqual([{ landmarks: five }]);
    expect(await detect(photo, 'Ada/2.jpg')).toHaveLength(2);
    expect(await detect(photo, 'Ada/3.jpg')).toEqual([]);
    expect(await detect(photo, '__proto__')).toEqual([]);
  });

  it.each([
    ['a.csv', `x,${numbers}\ny,1,2,3\n`, 'a.csv: line 2 is "y,1,2,3", expected a path and ten numbers'],
    ['a.csv', 'x,1,2,3\n', 'a.csv: line 1 is "x,1,2,3"'],
    ['a.csv', `x,${numbers}\ny,Infinity,2,3,4,5,6,7,8,9,10\n`, 'line 2'],
    ['a.json', '[]', 'the content is [], expected an object of paths'],
    ['a.json', '{"x":', 'the content is "{"x":", expected JSON'],
    ['a.json', '{"x":[[[1,2]]]}', '"x"'],
    ['a.json', '{"x":5}', '"x"'],
    ['a.jsonl', '{"file":"x","landmarks":[1]}', 'a.jsonl: line 1'],
    ['a.jsonl', `{"landmarks":${JSON.stringify(five)}}`, 'a.jsonl: line 1'],
    ['a.jsonl', 'null\n7\nx', 'a.jsonl: line 3 is "x", expected JSON'],
    ['a.txt', '', 'the ending is ".txt", expected one of .csv, .tsv, .json, .jsonl'],
  ])('refuses %s with %j', (name, text, message) => {
    expect(() => parseLandmarks(text, name)).toThrow(message);
  });

  it('names a file that is missing', async () => {
    await expect(landmarksFromFile('/nowhere/a.csv')).rejects.toThrow('/nowhere/a.csv is "unreadable');
  });
});
