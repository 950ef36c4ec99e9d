import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alignFolder } from './align-folder.ts';
import type { Detect, DetectedFace } from './detect.ts';
import type { AlignmentRecord } from './record.ts';
import { arcFaceTemplate, mapPoints } from './template.ts';

let root: string;
let photos: string;
let out: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'align-'));
  photos = join(root, 'photos');
  out = join(root, 'out');
});
afterEach(() => rm(root, { recursive: true }));

/** A face of the template's shape, enlarged and moved. */
const face = (scale: number, x: number, y: number): DetectedFace => ({
  landmarks: mapPoints(arcFaceTemplate(), ([u, v]) => [u * scale + x, v * scale + y]),
  score: 0.9,
});

/** Writes a photo of 300 x 200: dark, with a red rectangle for each face's box. */
async function photo(file: string, ...boxes: { left: number; top: number; side: number }[]): Promise<void> {
  await mkdir(dirname(join(photos, file)), { recursive: true });
  const patches = boxes.map(({ left, top, side }, i) => {
    const background = { r: 200, g: 20 + 60 * i, b: 20 };
    return { input: { create: { width: side, height: side, channels: 3 as const, background } }, left, top };
  });
  const black = { create: { width: 300, height: 200, channels: 3 as const, background: 'black' } };
  await sharp(black).composite(patches).toFile(join(photos, file));
}

const middleOf = async (file: string): Promise<number[]> => {
  const { data, info } = await sharp(join(out, file)).raw().toBuffer({ resolveWithObject: true });
  const at = (Math.floor(info.height / 2) * info.width + Math.floor(info.width / 2)) * 3;
  return [...data.subarray(at, at + 3)];
};
const records = async (): Promise<AlignmentRecord[]> => {
  const [, ...lines] = (await readFile(join(out, 'alignment.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line));
};
const near = (found: number[], expected: number[]): void => {
  for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(8);
};

/** Knows the faces of the photos below by name. */
const known: Record<string, DetectedFace[]> = {
  'Ada/1.jpg': [face(0.5, 10, 20)],
  'Ada/2.png': [face(0.5, 120, 70), face(1, 0, 0)],
  'Bob/3.jpg': [],
  'Bob/4.jpg': [{ landmarks: mapPoints(arcFaceTemplate(), () => [5, 5]) }],
};
const detect: Detect = (_, file) => known[file] ?? [];

async function makePhotos(): Promise<void> {
  await photo('Ada/1.jpg', { left: 10, top: 20, side: 56 });
  await photo('Ada/2.png', { left: 0, top: 0, side: 112 }, { left: 120, top: 70, side: 56 });
  await photo('Bob/3.jpg', { left: 100, top: 50, side: 100 });
  await photo('Bob/4.jpg');
  await writeFile(join(photos, 'Bob/5.jpg'), 'text');
  await writeFile(join(photos, 'Bob/notes.txt'), 'text');
}

describe('alignFolder', () => {
  it('aligns, takes the largest face, and names every photo that it leaves out', async () => {
    await makePhotos();
    const progress: string[] = [];
    const onProgress = (p: { done: number; total: number; now: number }) =>
      progress.push(`${p.done}/${p.total} ${p.now}`);
    const summary = await alignFolder(photos, out, { detect, onProgress });
    expect(summary).toEqual({
      settings: { size: 112, format: 'jpg', prefer: 'largest', none: 'skip', detector: 'custom' },
      finished: true,
      photos: 5,
      aligned: 2,
      severalFaces: 1,
      centre: 0,
      noFace: 1,
      badLandmarks: 1,
      unreadable: 1,
      notRead: 0,
      meanError: expect.closeTo(0, 5),
      doneBefore: 0,
      passedOver: [{ kind: 'passed over', reason: 'files that end in .txt', count: 1, examples: [expect.any(String)] }],
    });
    expect(JSON.parse(await readFile(join(out, 'alignment.json'), 'utf8'))).toEqual(summary);
    expect(progress).toEqual(['1/5 1', '2/5 2', '3/5 3', '4/5 4', '5/5 5']);
    expect((await readdir(out, { recursive: true })).sort()).toEqual([
      'Ada',
      'Ada/1.jpg',
      'Ada/2.jpg',
      'alignment.json',
      'alignment.jsonl',
      'left-out.tsv',
    ]);
    near(await middleOf('Ada/1.jpg'), [200, 20, 20]);
    near(await middleOf('Ada/2.jpg'), [200, 20, 20]);
    const { width, height, chromaSubsampling } = await sharp(join(out, 'Ada/1.jpg')).metadata();
    expect([width, height, chromaSubsampling]).toEqual([112, 112, '4:4:4']);

    const lines = (await readFile(join(out, 'left-out.tsv'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => line.split('\t').slice(0, 2).join(' '))).toEqual([
      'file outcome',
      'Bob/3.jpg no-face',
      'Bob/4.jpg bad-landmarks',
      'Bob/5.jpg unreadable',
    ]);
    expect(lines[2]).toContain('do not all coincide');
    expect(lines[3]).toContain('unsupported image format');
    expect((await records())[1]).toMatchObject({ file: 'Ada/2.png', output: 'Ada/2.jpg', faces: 2, score: 0.9 });
  });

  it('takes the central face and the middle of photos without one, in the format and size asked for', async () => {
    await makePhotos();
    const options = { detect, prefer: 'central', none: 'centre', format: 'png', size: 64 } as const;
    const summary = await alignFolder(photos, out, options);
    expect(summary).toMatchObject({ aligned: 2, centre: 2, noFace: 0, unreadable: 1 });
    near(await middleOf('Ada/2.png'), [200, 80, 20]);
    near(await middleOf('Bob/3.png'), [200, 20, 20]);
    // The largest centred square of 300 x 200 begins at 50; the rectangle at 100, which is a quarter of the side.
    const data = await sharp(join(out, 'Bob/3.png')).raw().toBuffer();
    const red = [15, 16, 47, 48].map((column) => data[(32 * 64 + column) * 3]! > 100);
    expect(red).toEqual([false, true, true, false]);
    expect((await sharp(join(out, 'Ada/1.png')).metadata()).width).toBe(64);
  });

  it('goes on where it was stopped, with the same result', async () => {
    await makePhotos();
    const whole = await alignFolder(photos, join(root, 'whole'), { detect });

    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }): void => {
      if (done === 2) controller.abort();
    };
    const part = await alignFolder(photos, out, { detect, ahead: 1, onProgress, signal: controller.signal });
    expect(part).toMatchObject({ finished: false, photos: 2, aligned: 2 });
    // A kill in the middle of a line.
    await appendFile(join(out, 'alignment.jsonl'), '{"file":"Bob/3.jpg","outc');

    const seen: string[] = [];
    const watching: Detect = (image, file) => {
      seen.push(file);
      return detect(image, file);
    };
    const rest = await alignFolder(photos, out, { detect: watching, resume: true });
    expect(seen.sort()).toEqual(['Bob/3.jpg', 'Bob/4.jpg']);
    expect(rest).toEqual({ ...whole, doneBefore: 2 });
    for (const file of ['alignment.jsonl', 'left-out.tsv', 'Ada/1.jpg', 'Ada/2.jpg']) {
      expect(await readFile(join(out, file))).toEqual(await readFile(join(root, 'whole', file)));
    }

    const again = await alignFolder(photos, out, { detect: watching, resume: true });
    expect([seen.length, again]).toEqual([2, { ...whole, doneBefore: 5 }]);
  });

  it('passes new photos only', async () => {
    await makePhotos();
    await alignFolder(photos, out, { detect });
    const before = (await stat(join(out, 'Ada/1.jpg'))).mtimeMs;
    await photo('Ada/0.jpg');
    const summary = await alignFolder(photos, out, { detect: () => [face(1, 0, 0)], resume: true });
    expect(summary).toMatchObject({ photos: 6, aligned: 3, doneBefore: 5, noFace: 1 });
    expect((await stat(join(out, 'Ada/1.jpg'))).mtimeMs).toBe(before);
  });

  it('tries a photo again whose file could not be read', async () => {
    await makePhotos();
    const whole = await alignFolder(photos, join(root, 'whole'), { detect });
    // Gone when its turn comes, as on a disk that fails.
    const bytes = await readFile(join(photos, 'Ada/2.png'));
    const losing: Detect = async (image, file) => {
      if (file === 'Ada/1.jpg') await rm(join(photos, 'Ada/2.png'));
      return detect(image, file);
    };
    const part = await alignFolder(photos, out, { detect: losing, ahead: 1 });
    expect(part).toMatchObject({ photos: 5, aligned: 1, unreadable: 1, notRead: 1 });
    expect(await readFile(join(out, 'left-out.tsv'), 'utf8')).toContain('Ada/2.png\tnot-read\tENOENT');
    expect((await records()).map(({ file }) => file)).not.toContain('Ada/2.png');
    await writeFile(join(photos, 'Ada/2.png'), bytes);
    expect(await alignFolder(photos, out, { detect, resume: true })).toEqual({ ...whole, doneBefore: 4 });
  });

  it('has one photo detected at a time, however many are read ahead', async () => {
    await makePhotos();
    let [now, most] = [0, 0];
    const slow: Detect = async (image, file) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 20));
      now--;
      return detect(image, file);
    };
    expect(await alignFolder(photos, out, { detect: slow, ahead: 4 })).toMatchObject({ aligned: 2 });
    expect(most).toBe(1);
  });

  it('overwrites nothing and mixes nothing', async () => {
    await makePhotos();
    await alignFolder(photos, out, { detect });
    const before = await readFile(join(out, 'alignment.jsonl'));
    const refuse = (message: string, options = {}, to = out): Promise<void> =>
      expect(alignFolder(photos, to, { detect, ...options })).rejects.toThrow(message);
    await refuse('a folder with an alignment in it');
    await refuse('--resume');
    await refuse('"size" of the alignment to go on is 112, expected 96', { resume: true, size: 96 });
    await refuse('"detector"', { resume: true, detector: 'other' });
    await refuse('neither inside', {}, join(photos, 'out'));
    await refuse('neither inside', {}, root);
    await refuse('neither inside', {}, photos);
    await mkdir(join(root, 'other'));
    await writeFile(join(root, 'other/x'), '');
    await refuse('a folder with other things in it', { resume: true }, join(root, 'other'));
    await refuse('a folder', {}, join(root, 'other/x'));
    expect(await readFile(join(out, 'alignment.jsonl'))).toEqual(before);

    await writeFile(join(out, 'alignment.jsonl'), `${before.toString().split('\n')[0]}\n{"fi\n`);
    await refuse('the line at byte', { resume: true });
  });

  it('says what is wrong with its arguments', async () => {
    const refuse = (message: string, options = {}): Promise<void> =>
      expect(alignFolder(photos, out, { detect, ...options })).rejects.toThrow(message);
    await refuse('missing, expected a folder of photos'.replace('missing', '"missing"'));
    await mkdir(photos);
    await refuse('a folder without photos');
    await makePhotos();
    await rm(out, { recursive: true });
    await refuse('Did you mean "largest"?', { prefer: 'larges' });
    await refuse('none is "drop", expected one of skip, centre', { none: 'drop' });
    await refuse('format is "gif"', { format: 'gif' });
    await refuse('size is 4', { size: 4 });
    await expect(stat(out)).rejects.toThrow('ENOENT');
    const broken: Detect = () => {
      throw new Error('no model');
    };
    await refuse('what the detector makes of Ada/1.jpg is "an error (no model)"', { detect: broken });
    await rm(out, { recursive: true });
    const nothing = (() => undefined) as never;
    await refuse('what the detector makes of Ada/1.jpg is undefined, expected an array of faces', { detect: nothing });
    await expect(alignFolder(photos, join(root, 'other'), { detect: broken })).rejects.toMatchObject({
      cause: { message: 'no model' },
    });
  });
});
