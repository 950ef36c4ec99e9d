import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { decodeImage, folderSource, readNpy, writeDataset } from '@protomem/data';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { expectClose } from '@protomem/engine/testing';
import { syntheticFaces } from '@protomem/synthetic';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { embed } from './embed.ts';

let dir: string;
let faces: string;
let model: string;
let expected: number[][];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-embed-'));
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  [faces, model] = [join(dir, 'faces'), join(dir, 'encoder.safetensors')];
  const drawn = syntheticFaces({ identities: 3, imagesPerIdentity: 2, seed: 4, size: 16 });
  await writeDataset(drawn, faces, { format: 'folder' });
  await loadEngine({});
  const encoder = createEncoder('mobile-face-net', { inputSize: 16, width: 0.125, embeddingSize: 4, seed: 2 });
  await saveEncoder(encoder, model);
  const source = await folderSource(faces);
  expected = [];
  for (let identity = 0; identity < 3; identity++) {
    for (let image = 0; image < 2; image++) {
      const { bytes } = await source.load(identity, image);
      const pixels = await decodeImage(bytes, { height: 16, width: 16 });
      const one = tf.tidy(() => {
        const x = tf.tensor4d(pixels, [1, 16, 16, 3], 'float32');
        return [...tf.add(encoder.apply(x), encoder.apply(tf.reverse(x, 2))).dataSync()];
      });
      expected.push(one.map((value) => value / Math.hypot(...one)));
    }
  }
  encoder.dispose();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

describe('embed', () => {
  it('writes unit vectors as NumPy reads them, and the names beside them', async () => {
    const out = join(dir, 'a.npy');
    await embed(model, faces, { out, flip: true, batch: 4 });
    const bytes = await readFile(out);
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x93NUMPY\x01\x00');
    const length = bytes.readUInt16LE(8);
    expect((10 + length) % 64).toBe(0);
    const header = bytes.toString('latin1', 10, 10 + length);
    expect(header).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(6, 4\), \} *\n$/);
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 10 + length));
    expectClose([...values], expected.flat(), 1e-4);
    const names = (await readFile(join(dir, 'a.txt'), 'utf8')).trim().split('\n');
    expect(names).toHaveLength(6);
    for (const name of names) expect(name.startsWith(faces)).toBe(true);
  });

  it('writes JSON lines with image and identity, from a run folder', async () => {
    const out = join(dir, 'b.jsonl');
    await embed(dir, faces, { out, flip: true, batch: 64 });
    const lines = (await readFile(out, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ identity }) => identity)).toEqual(
      ['person-0', 'person-1', 'person-2'].flatMap((name) => [name, name]),
    );
    expectClose(
      lines.flatMap(({ embedding }) => embedding),
      expected.flat(),
      1e-4,
    );
  });

  it('refuses what it cannot do, overwrites nothing, and leaves nothing after a failure', async () => {
    const options = { out: join(dir, 'c.npy'), flip: false, batch: 4 };
    await expect(embed(model, faces, { ...options, out: join(dir, 'c.csv') })).rejects.toThrow('.npy or .jsonl');
    await expect(embed(model, faces, { ...options, out: model })).rejects.toThrow();
    await expect(embed(join(dir, 'nothing'), faces, options)).rejects.toThrow('nothing is "missing"');
    await expect(embed(model, faces, { ...options, batch: 0 })).rejects.toThrow('--batch is 0');
    await writeFile(options.out, 'mine');
    await expect(embed(model, faces, options)).rejects.toThrow('there already');
    await rm(options.out);
    const names = join(dir, 'c.txt');
    await writeFile(names, 'mine');
    await expect(embed(model, faces, options)).rejects.toThrow('c.txt is "there already"');
    await rm(names);
    const [person] = await readdir(faces);
    const [image] = await readdir(join(faces, person!));
    const path = join(faces, person!, image!);
    const whole = await readFile(path);
    await writeFile(path, 'no image');
    await expect(embed(model, faces, options)).rejects.toThrow(image!);
    await writeFile(path, whole);
    expect((await readdir(dir)).sort()).toEqual(['a.npy', 'a.txt', 'b.jsonl', 'encoder.safetensors', 'faces']);
  });

  it('takes a folder of images of whoever, and one image', async () => {
    const flat = join(dir, 'flat');
    await mkdir(flat);
    for (const [i, person] of (await readdir(faces)).sort().entries()) {
      const [image] = (await readdir(join(faces, person))).sort();
      await cp(join(faces, person, image!), join(flat, `${i}${extname(image!)}`));
    }
    const [many, one] = [join(dir, 'many.npy'), join(dir, 'one.npy')];
    await embed(model, flat, { out: many, flip: true, batch: 4 });
    expectClose(
      [...(await readNpy(many)).values],
      [0, 2, 4].flatMap((row) => expected[row]!),
      1e-4,
    );
    await embed(model, join(flat, (await readdir(flat)).sort()[1]!), { out: one, flip: true, batch: 4 });
    expectClose([...(await readNpy(one)).values], expected[2]!, 1e-4);
  });

  it('leaves embeddings as long as they are when asked', async () => {
    const [unit, raw] = [join(dir, 'unit.npy'), join(dir, 'raw.npy')];
    await embed(model, faces, { out: unit, flip: true, batch: 4 });
    await embed(model, faces, { out: raw, flip: true, raw: true, batch: 4 });
    const [short, long] = [(await readNpy(unit)).values, (await readNpy(raw)).values];
    const length = Math.hypot(...long.subarray(0, 4));
    expect(length).not.toBeCloseTo(1, 1);
    for (let k = 0; k < 4; k++) expect(long[k]! / length).toBeCloseTo(short[k]!, 5);
  });
});
