import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arcFaceTemplate, type Detect, type Landmarks, photoWriters } from '@protomem/alignment';
import { Random } from '@protomem/core';
import { verificationReport } from '@protomem/evaluation';
import type { EmbeddingModel } from '@protomem/protocols';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrolImages } from './enrol-images.ts';
import { embedFaces, findFaces } from './find-faces.ts';
import { openGallery } from './open-gallery.ts';
import { openPeople } from './open-people.ts';
import { readCalibration } from './read-calibration.ts';
import { memoryStorage } from './storage.ts';

const SIZE = 16;
const seen: number[] = [];
/** Embeds an image as its mean colour and its mean brightness in four parts; twice, as with the mirror image. */
const model: EmbeddingModel = {
  kind: 'means',
  file: 'means',
  fingerprint: 'm',
  inputSize: [SIZE, SIZE],
  embeddingSize: 3,
  notes: [],
  warnings: () => [],
  async embed(pixels, count, flip) {
    seen.push(count);
    const values = new Float32Array(count * 3);
    for (const [i, value] of pixels.entries())
      values[3 * Math.floor(i / (3 * SIZE ** 2)) + (i % 3)]! += value / SIZE ** 2;
    return flip ? values.map((value) => 2 * value) : values;
  },
  dispose: async () => undefined,
};

/** A photo of a colour, with noise on it, or with waves, which have no edges. */
async function photo(colour: readonly number[], blurred = false): Promise<Uint8Array> {
  const random = new Random(colour[0]!);
  const pixels = Uint8Array.from({ length: 300 * 200 * 3 }, (_, i) => {
    const more = blurred ? 25 + 25 * Math.sin(Math.floor(i / 3) / 300 / 9) : random.below(50);
    return colour[i % 3]! + more;
  });
  return photoWriters.png({ pixels, width: 300, height: 200 });
}
const square = (left: number, top: number, side: number): { landmarks: Landmarks } => ({
  landmarks: arcFaceTemplate(side).map(([x, y]) => [x + left, y + top]) as unknown as Landmarks,
});

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-photos-'));
  const files: Record<string, Uint8Array> = {
    'staff/Ada/1.png': await photo([200, 10, 10]),
    'staff/Ada/2.png': await photo([190, 20, 10]),
    'staff/Ada/blurred.png': await photo([200, 10, 20], true),
    'staff/Bo/two.png': await photo([10, 200, 10]),
    'staff/Bo/small.png': await photo([20, 200, 10]),
    'staff/Bo/none.png': await photo([30, 200, 10]),
    'staff/Bo/broken.png': Buffer.from('no image'),
    'staff/Cy/1.png': await photo([10, 10, 200]),
    'staff/note.txt': Buffer.from('hello'),
    'flat/Dee.png': await photo([100, 100, 10]),
    'flat/Eve.png': await photo([10, 100, 100]),
  };
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(dir, name, '..'), { recursive: true });
    await writeFile(join(dir, name), bytes);
  }
});
afterAll(() => rm(dir, { recursive: true }));

const detect: Detect = (_, file) => {
  if (file.endsWith('none.png')) return [];
  if (file.endsWith('two.png')) return [square(5, 5, 60), square(100, 20, 112)];
  return [square(60, 40, file.endsWith('small.png') ? 30 : 112)];
};
const newGallery = () => openGallery(memoryStorage(), { width: 3, model: { name: 'means', fingerprint: 'm' } });
const reasons = (found: Awaited<ReturnType<typeof enrolImages>>) =>
  Object.fromEntries(found.leftOut.map(({ reason, count }) => [reason, count]));

describe('enrolImages', () => {
  it('enrols the people of folders, and says why images are left out', async () => {
    const gallery = await newGallery();
    const people = await openPeople(join(dir, 'staff'));
    expect(people.source.remarks).toHaveLength(1);
    const progress: number[] = [];
    const found = await enrolImages(gallery, model, people, { detect, onProgress: ({ done }) => progress.push(done) });
    expect(found).toMatchObject({ images: 8, added: 3, known: 0, people: 2 });
    expect(progress.at(-1)).toBe(8);
    expect(reasons(found)).toEqual({
      'faces that are blurred': 1,
      'images that cannot be read': 1,
      'photos with several faces': 1,
      'faces that are too small': 1,
      'photos without a face': 1,
    });
    expect(gallery.list().map(({ person, images }) => [person, images.length])).toEqual([
      ['Ada', 2],
      ['Cy', 1],
    ]);
    expect(gallery.list()[0]!.images[0]).toMatch(/^1\.png [0-9a-f]{12}$/);
    // Once more, with what was left out: nobody is enrolled twice, and what is known is not looked at.
    seen.length = 0;
    const more = { detect, largest: true, anyQuality: true, batch: 2 };
    expect(await enrolImages(gallery, model, people, more)).toMatchObject({ added: 3, known: 3, people: 3 });
    expect(seen).toEqual([2, 1]);
    expect(gallery.images).toBe(6);
    const { faces } = await findFaces(model, await photo([200, 12, 12]), { detect });
    const { results } = await gallery.identify((await embedFaces(model, faces)).embeddings, { top: 1 });
    expect(results[0]![0]!.person).toBe('Ada');
  });

  it('takes a flat folder, one image, or a name for all; and refuses a name for several people', async () => {
    const gallery = await newGallery();
    await enrolImages(gallery, model, await openPeople(join(dir, 'flat')), { detect });
    await enrolImages(gallery, model, await openPeople(join(dir, 'staff/Cy/1.png')), { detect });
    await enrolImages(gallery, model, await openPeople(join(dir, 'flat'), 'Flo'), { detect });
    await enrolImages(gallery, model, await openPeople(join(dir, 'staff/Ada/1.png'), 'Gus'), { detect });
    expect(gallery.list().map(({ person, images }) => [person, images.length])).toEqual([
      ['Dee', 1],
      ['Eve', 1],
      ['1', 1],
      ['Flo', 2],
      ['Gus', 1],
    ]);
    await expect(openPeople(join(dir, 'staff'), 'Ada')).rejects.toThrow('has images of 3 people');
    await expect(openPeople(join(dir, 'nothing'))).rejects.toThrow('nothing is "missing"');
  });

  it('takes aligned faces as they are, and leaves out embeddings that are too short', async () => {
    const gallery = await newGallery();
    const people = await openPeople(join(dir, 'staff'));
    const found = await enrolImages(gallery, model, people, {});
    expect(found).toMatchObject({ added: 6 });
    expect(reasons(found)).toEqual({ 'faces that are blurred': 1, 'images that cannot be read': 1 });
    const short = await enrolImages(await newGallery(), model, people, { minNorm: 1e6 });
    expect(reasons(short)['faces whose embedding is too short']).toBe(6);
    const stopped = enrolImages(gallery, model, people, { signal: AbortSignal.abort(new Error('stopped')) });
    await expect(stopped).rejects.toThrow('stopped');
    await expect(enrolImages(gallery, model, people, { minside: 3 } as never)).rejects.toThrow(
      'Did you mean "minSide"?',
    );
  });
});

describe('findFaces', () => {
  it('finds all faces, where they are and what is wrong with them', async () => {
    const options = { detect, name: 'two.png' };
    const { faces } = await findFaces(model, await photo([10, 200, 10]), options);
    expect(faces.map(({ box, faults }) => [Math.round(box!.left), Math.round(box!.side), faults])).toEqual([
      [100, 112, []],
      [5, 60, []],
    ]);
    expect(faces.map(({ pixels }) => pixels.length)).toEqual([3 * SIZE ** 2, 3 * SIZE ** 2]);
    const small = await findFaces(model, await photo([10, 200, 10], true), { detect, name: 'small.png' });
    expect(small.faces[0]!.faults).toEqual([
      'too small (30 pixels, least 40)',
      expect.stringMatching(/^blurred \(sharpness 0\.\d+, least 0\.014\)$/),
    ]);
    await expect(findFaces(model, Buffer.from('x'), { name: 'x.jpg' })).rejects.toThrow('x.jpg');
    await expect(findFaces(model, await photo([1, 2, 3]), { detect, maxPixels: 100 })).rejects.toThrow('unreadable');
  });
});

describe('readCalibration', () => {
  it("reads a run's test and an evaluation's, and says what is missing", async () => {
    const random = new Random(1);
    const labels = Array.from({ length: 4000 }, (_, i) => i % 2);
    const scores = labels.map((label) => Math.max(-1, Math.min(1, random.normal(label ? 0.6 : 0, 0.1))));
    const verification = verificationReport(scores, labels);
    const write = (name: string, value: unknown) => writeFile(join(dir, name), JSON.stringify(value));
    await write('metrics.json', { heads: [{ verification }] });
    await write('evaluation.json', { kind: 'pairs', verification });
    await write('none.json', { heads: [] });
    await write('other.json', { kind: 'megaface' });
    const run = await readCalibration(dir);
    expect(run).toMatchObject({ source: join(dir, 'metrics.json'), strangers: 2000, same: 2000 });
    expect(await readCalibration(join(dir, 'evaluation.json'))).toMatchObject({ points: run!.points });
    expect(await readCalibration(join(dir, 'flat'))).toBeUndefined();
    await expect(readCalibration(join(dir, 'none.json'))).rejects.toThrow('expected one head at least');
    await expect(readCalibration(join(dir, 'other.json'))).rejects.toThrow('verification is "missing"');
    await expect(readCalibration(join(dir, 'nothing.json'))).rejects.toThrow(
      'nothing.json is "missing", expected the metrics.json of a run',
    );
  });
});
