import { describe, expect, it } from 'vitest';
import { endingReason, imageEndings } from './image-endings.ts';
import { Remarks, remarkLines } from './remarks.ts';

describe('Remarks', () => {
  it('counts by kind and reason, names the first three, and says what is in conflict first', () => {
    const remarks = new Remarks();
    for (let i = 0; i < 1234; i++) remarks.add('passed over', 'files that end in .bmp', `a/${i}.bmp`);
    remarks.add('in conflict', 'labels', 'key 3\u001b[2J\n');
    remarks.add('assumed', 'folders', 'p0');
    expect(remarkLines(remarks.list())).toEqual([
      'in conflict: labels: 1 (key 3\\u001b[2J\\u000a)',
      'assumed: folders: 1 (p0)',
      'passed over: files that end in .bmp: 1,234 (a/0.bmp; a/1.bmp; a/2.bmp; ...)',
    ]);
    expect(remarkLines()).toEqual([]);
  });

  it('takes as much memory, and as many lines, for any number of reasons', () => {
    const remarks = new Remarks();
    for (let i = 0; i < 1000; i++) remarks.add('passed over', `files that end in .x${i}`, `${i}`);
    expect(remarks.list()).toHaveLength(51);
    expect(remarks.list().reduce((sum, { count }) => sum + count, 0)).toBe(1000);
    const lines = remarkLines(remarks.list());
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('and 980 for 31 more reasons');
  });
});

describe('imageEndings', () => {
  it('has what every sharp reads, and what the one at hand does', () => {
    const reads = (buffer: boolean, ...fileSuffix: string[]) => ({ input: { buffer, fileSuffix } });
    expect(imageEndings({})).toEqual(expect.arrayContaining(['.jpg', '.jpeg', '.jpe', '.jfif', '.png', '.tif']));
    expect(imageEndings({ heif: reads(true, '.avif'), ppm: reads(false) })).toEqual(imageEndings({}));
    const more = imageEndings({
      heif: reads(true, '.heic', '.avif'),
      ppm: reads(true, '.ppm', '.pgm'),
      magick: reads(true),
    });
    expect(more.slice(imageEndings({}).length)).toEqual(['.heic', '.bmp', '.ppm', '.pgm']);
  });

  it('names the endings of all others, whatever they are', () => {
    expect(['a.BMP', 'noext', 'a.tar.gz', '.x.heic', 'Dr. Who the second', 'x.'].map(endingReason)).toEqual([
      'files that end in .bmp',
      'files without an ending',
      'files that end in .gz',
      'files that end in .heic',
      'files with odd endings',
      'files with odd endings',
    ]);
  });
});
