import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectIdentities, writeDataset } from '@protomem/data';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { verificationReport } from '@protomem/evaluation';
import { syntheticFaces } from '@protomem/synthetic';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { make as makeEnrol } from './enrol.ts';
import { make as makeGallery } from './gallery.ts';
import { make as makeIdentify } from './identify.ts';

let dir: string;
let people: string;
let photo: string;
let stranger: string;
let model: string;
let gallery: string;
let printed: string[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-identify-'));
  for (const level of ['log', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line: string) => printed.push(line));
  }
  people = join(dir, 'people');
  const drawn = syntheticFaces({ identities: 6, imagesPerIdentity: 2, seed: 4, size: 48 });
  await writeDataset(selectIdentities(drawn, { exclude: ['person-5'] }), people, { format: 'folder' });
  stranger = join(dir, 'stranger.png');
  await sharp((await drawn.load(5, 0)).bytes)
    .png()
    .toFile(stranger);
  photo = join(people, 'person-2', (await readdir(join(people, 'person-2')))[0]!);
  gallery = join(dir, 'people.gallery');
  await loadEngine({});
  model = await run('run', 0.99999, 0.9999);
});
beforeEach(() => {
  printed = [];
  process.exitCode = undefined;
});
afterAll(async () => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

/** A run whose test had pairs of one person at `same`, and of strangers up to `different`. */
async function run(name: string, same: number, different: number): Promise<string> {
  const out = join(dir, name);
  await mkdir(out);
  const encoder = createEncoder('mobile-face-net', {
    inputSize: 16,
    width: 0.125,
    embeddingSize: 8,
    seed: name.length,
  });
  await saveEncoder(encoder, join(out, 'encoder.safetensors'));
  encoder.dispose();
  const labels = Array.from({ length: 4000 }, (_, i) => i % 2);
  const scores = labels.map((label, i) => (label ? same : different - ((i * 7) % 4000) / 4e8));
  const heads = [{ verification: verificationReport(scores, labels) }];
  await writeFile(join(out, 'metrics.json'), JSON.stringify({ heads }));
  return out;
}

const call = (make: typeof makeIdentify | typeof makeEnrol | typeof makeGallery, ...args: readonly string[]) =>
  make().parseAsync([...args], { from: 'user' });
/** Synthetic faces are drawn where aligned ones have theirs; they are smooth. */
const aligned = ['--aligned', '--min-sharpness', '0'];
const enrol = (...args: readonly string[]) =>
  call(makeEnrol, ...args, '--gallery', gallery, '--model', model, ...aligned);
const identify = (...args: readonly string[]) =>
  call(makeIdentify, ...args, '--gallery', gallery, '--model', model, ...aligned);

describe('enrol, identify, gallery', () => {
  it('enrol a folder of people, name them, list them, remove them', async () => {
    await enrol(people);
    expect(printed).toContain('10 of 10 images enrolled, of 5 people');
    expect(printed).toContain(`${gallery}: 5 people, 10 images`);
    await enrol(people);
    expect(printed).toContain('0 of 10 images enrolled, 10 there already, of 5 people');
    expect(process.exitCode).toBeUndefined();

    printed = [];
    await identify(photo, stranger, '--template', 'best', '--top', '2');
    const shown = printed.slice(printed.indexOf(photo));
    expect(shown[1]).toMatch(/^ {2}same\s+1\.000 {2}person-2$/);
    expect(shown[3]).toBe(stranger);
    for (const line of shown.slice(4, 6)) expect(line).toMatch(/^ {2}(not sure|no)\s+-?\d\.\d{3} {2}person-\d$/);
    expect(shown.at(-3)).toMatch(
      /^"same" from 1\.000: 0\.1 % of strangers get as high with any of 10 \(.*beyond what the/,
    );
    expect(shown.at(-2)).toMatch(/^"no" below 1\.000: 5 % of strangers get as high \(100 % of one person's pairs/);
    expect(shown.at(-1)).toBe(`thresholds: ${join(model, 'metrics.json')}`);

    printed = [];
    await identify(photo, '--json', '--top', '1');
    const [line] = printed.filter((one) => one.startsWith('{'));
    expect(JSON.parse(line!)).toMatchObject({ photo, face: 1, faces: 1, people: [{ person: 'person-2' }] });

    printed = [];
    await call(makeGallery, 'info', gallery);
    expect(printed).toEqual([
      '5 people, 10 images; 8 numbers each, compared by the mean',
      expect.stringMatching(/^model: .*run \(sha256:[0-9a-f]{32}\)$/),
      `calibration: ${join(model, 'metrics.json')}, 2000 pairs of one person, 2000 of strangers`,
    ]);
    // One that was asked for stays until another is.
    const asked = await run('asked', 0.9, 0.1);
    await enrol(people, '--calibration', join(asked, 'metrics.json'));
    await enrol(people);
    printed = [];
    await call(makeGallery, 'info', gallery);
    expect(printed[2]).toContain(`calibration: ${join(asked, 'metrics.json')}`);
    await enrol(people, '--calibration', join(model, 'metrics.json'));
    printed = [];
    await call(makeGallery, 'list', gallery, 'person-2');
    expect(printed).toHaveLength(2);
    const [first] = printed;
    await call(makeGallery, 'remove', gallery, 'person-2', '--image', first!);
    await call(makeGallery, 'remove', gallery, 'person-3');
    expect(printed.at(-1)).toBe('2 images of person-3 removed; 4 people, 7 images left');
    expect((await readFile(gallery)).includes('person-3')).toBe(false);
    printed = [];
    await call(makeGallery, 'list', gallery);
    expect(printed.map((one) => one.trim())).toEqual(['2  person-0', '2  person-1', '1  person-2', '2  person-4']);
    await expect(call(makeGallery, 'remove', gallery, 'person-3')).rejects.toThrow('the person is "person-3"');
    await expect(call(makeGallery, 'remov', gallery)).rejects.toThrow(
      'expected one of info, list, remove. Did you mean "remove"?',
    );
    await expect(call(makeGallery, 'remove', gallery)).rejects.toThrow('the person is "missing"');
    await expect(call(makeGallery, 'info', join(dir, 'none'))).rejects.toThrow('none is "missing or empty"');
    await expect(call(makeGallery, 'info', photo)).rejects.toThrow('"something else", expected a gallery');
  });

  it('looks for faces in photos that are not aligned, by a detector of your own', async () => {
    const detector = join(dir, 'detector.mjs');
    // Two faces side by side, or none, by the name of the photo.
    await writeFile(
      detector,
      `const face = (x) => ({ landmarks: [[38.3, 51.7], [73.5, 51.5], [56, 71.7], [41.5, 92.4], [70.7, 92.2]].map(([u, v]) => [u * 0.43 + x, v * 0.43]) });
       export const detect = (photo, file) => (file.includes('stranger') ? [] : [face(0), face(1)]);`,
    );
    const own = join(dir, 'own.gallery');
    const raw = ['--gallery', own, '--model', model, '--detector', detector, '--min-sharpness', '0'];
    await call(makeEnrol, people, stranger, ...raw);
    expect(process.exitCode).toBe(1);
    expect(printed.filter((line) => line.startsWith('passed over: photos'))).toEqual([
      expect.stringContaining('passed over: photos with several faces: 10 ('),
      expect.stringContaining('passed over: photos without a face: 1 ('),
    ]);
    await call(makeEnrol, people, ...raw, '--largest');
    printed = [];
    await call(makeIdentify, photo, stranger, ...raw, '--top', '1');
    expect(printed.filter((line) => line.startsWith(photo))).toEqual([
      expect.stringMatching(/face 1 of 2 \(48 pixels at -?\d, -?\d\)$/),
      expect.stringContaining('face 2 of 2 (48 pixels at '),
    ]);
    expect(printed).toContain(`${stranger}: no face; an aligned face is taken as it is with --aligned`);
    await expect(call(makeEnrol, people, ...raw, '--name', 'Ada')).rejects.toThrow('has images of 5 people');
  });

  it('prints nothing but JSON with --json, whatever else there is to say', async () => {
    const odd = join(dir, 'odd people');
    await cp(people, odd, { recursive: true });
    await writeFile(join(odd, 'person-1', 'notes.txt'), '');
    const out: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((line: string) => out.push(line));
    await call(makeIdentify, odd, '--gallery', odd, '--model', model, ...aligned, '--json');
    log.mockImplementation((line: string) => printed.push(line));
    expect(out.map((line) => JSON.parse(line))).toHaveLength(10);
    expect(printed).toContainEqual(expect.stringContaining(`protomem enrol "${odd}" --gallery people.gallery`));
    expect(printed.filter((line) => line.startsWith('passed over: files that end in .txt'))).toHaveLength(2);
  });

  it('refuses photos of known people with more than --max-pixels', async () => {
    await call(makeIdentify, stranger, '--gallery', people, '--model', model, ...aligned, '--max-pixels', '2304');
    const small = join(dir, 'small.png');
    await sharp(stranger).resize(16, 16).toFile(small);
    printed = [];
    await call(makeIdentify, small, '--gallery', people, '--model', model, ...aligned, '--max-pixels', '300');
    expect(printed).toContainEqual(expect.stringContaining('images that cannot be read: 10 ('));
  });

  it('takes a data set in the place of a gallery, for one call', async () => {
    await call(makeIdentify, photo, '--gallery', people, '--model', model, ...aligned, '--template', 'best');
    expect(printed.find((line) => line.startsWith('  '))).toMatch(/^ {2}same\s+1\.000 {2}person-2$/);
    expect(printed).toContainEqual(
      expect.stringContaining('5 people embedded for this call only; to keep them: protomem enrol'),
    );
    await expect(call(makeIdentify, photo, '--gallery', gallery, '--model', model, '--from', 'folder')).rejects.toThrow(
      '--from is "folder", expected nothing',
    );
  });

  it('refuses a gallery of another model, and gives scores only without a calibration', async () => {
    const other = await run('other-run', 0.9, 0.1);
    await expect(call(makeIdentify, photo, '--gallery', gallery, '--model', other, ...aligned)).rejects.toThrow(
      /the model is ".*other-run \(sha256:.*expected .*run \(sha256:.*whose embeddings the gallery holds/,
    );
    const encoder = join(other, 'encoder.safetensors');
    await call(makeIdentify, photo, '--gallery', people, '--model', encoder, ...aligned, '--top', '1');
    expect(printed).toContainEqual(expect.stringMatching(/^ +0\.\d{3} {2}person-2$/));
    expect(printed).toContainEqual(expect.stringContaining('no calibration is known for this model: scores only'));
    printed = [];
    const calibrated = ['--calibration', join(other, 'metrics.json')];
    await call(makeIdentify, photo, '--gallery', people, '--model', encoder, ...aligned, ...calibrated);
    expect(printed.at(-1)).toBe(`thresholds: ${join(other, 'metrics.json')}`);
    const wrong = call(makeIdentify, photo, '--gallery', people, '--model', encoder, '--calibration', people);
    await expect(wrong).rejects.toThrow('--calibration is');
  });
});
