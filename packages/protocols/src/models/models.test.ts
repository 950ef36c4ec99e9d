import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flattening } from '../../fixtures/onnx-file.ts';
import { tensorProduct } from '../tensor-product.ts';
import { normalizeRows } from './embedding-model.ts';
import { openModel } from './open-model.ts';

const [HEIGHT, WIDTH] = [2, 4];
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-models-'));
  await loadEngine({});
});
afterAll(() => rm(dir, { recursive: true }));

const pixels = Uint8Array.from({ length: 3 * HEIGHT * WIDTH * 3 }, (_, i) => (37 * i) % 256);
const at = (image: number, y: number, x: number, channel: number): number =>
  pixels[((image * HEIGHT + y) * WIDTH + x) * 3 + channel]!;

describe('openModel', () => {
  it.each([
    ['any number', ['N', 3, HEIGHT, WIDTH], true],
    ['one image at a time', [1, 3, HEIGHT, WIDTH], true],
    ['colours last', ['N', HEIGHT, WIDTH, 3], false],
  ] as const)('gives an ONNX model what it wants: %s', async (name, shape, planar) => {
    const file = join(dir, `${name}.onnx`);
    await writeFile(file, flattening(shape));
    const model = await openModel(file, { mean: 100, scale: 50 });
    expect(model.inputSize).toEqual([HEIGHT, WIDTH]);
    expect(model.embeddingSize).toBe(3 * HEIGHT * WIDTH);
    const straight = await model.embed(pixels, 3, false);
    const both = await model.embed(pixels, 3, true);
    let place = 0;
    for (let image = 0; image < 3; image++) {
      for (let i = 0; i < 3 * HEIGHT * WIDTH; i++, place++) {
        const [channel, y, x] = planar
          ? [Math.floor(i / (HEIGHT * WIDTH)), Math.floor(i / WIDTH) % HEIGHT, i % WIDTH]
          : [i % 3, Math.floor(i / (3 * WIDTH)), Math.floor(i / 3) % WIDTH];
        const value = (at(image, y, x, channel) - 100) / 50;
        expect(straight[place]).toBeCloseTo(value, 5);
        expect(both[place]).toBeCloseTo(value + (at(image, y, WIDTH - 1 - x, channel) - 100) / 50, 5);
      }
    }
    await model.dispose();
  });

  it('runs a layers model of TensorFlow.js from its files', async () => {
    const layers = tf.sequential({
      layers: [tf.layers.flatten({ inputShape: [HEIGHT, WIDTH, 3] }), tf.layers.dense({ units: 5, useBias: false })],
    });
    const folder = join(dir, 'layers');
    await mkdir(folder);
    await layers.save(
      tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
        const weights = Buffer.from(weightData as ArrayBuffer);
        const [half, weightsManifest] = [8, [{ paths: ['a.bin', 'b.bin'], weights: weightSpecs }]];
        await writeFile(join(folder, 'a.bin'), weights.subarray(0, half));
        await writeFile(join(folder, 'b.bin'), weights.subarray(half));
        await writeFile(join(folder, 'model.json'), JSON.stringify({ modelTopology, weightsManifest }));
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      }),
    );
    const before = tf.memory().numTensors;
    const model = await openModel(folder, { mean: 10, scale: 20 });
    expect(model.embeddingSize).toBe(5);
    const found = await model.embed(pixels, 3, false);
    const expected = tf.tidy(() => {
      const images = tf.tensor4d(pixels, [3, HEIGHT, WIDTH, 3], 'float32');
      return (layers.predict(tf.div(tf.sub(images, 10), 20)) as tf.Tensor).dataSync();
    });
    for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 4);
    await model.dispose();
    expect(tf.memory().numTensors).toBe(before);
    layers.dispose();
  });

  it('runs an encoder of ours, mirror images added', async () => {
    const encoder = createEncoder('mobile-face-net', { width: 0.125, inputSize: 16, embeddingSize: 8, seed: 1 });
    const file = join(dir, 'encoder.safetensors');
    await saveEncoder(encoder, file);
    encoder.dispose();
    const model = await openModel(file);
    const one = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (53 * i) % 256);
    const mirrored = one.map((_, i) => one[i - (i % 48) + 3 * (15 - Math.floor((i % 48) / 3)) + (i % 3)]!);
    const [straight, other] = [await model.embed(one, 1, false), await model.embed(mirrored, 1, false)];
    const both = await model.embed(one, 1, true);
    for (const [i, value] of both.entries()) expect(value).toBeCloseTo(straight[i]! + other[i]!, 4);
    expect(Math.hypot(...normalizeRows(both, 8))).toBeCloseTo(1, 6);
    await model.dispose();
  });

  it('runs on the engine that the caller has chosen, and leaves it so', async () => {
    await loadEngine({ prefer: 'cpu' });
    for (const path of ['layers', 'encoder.safetensors']) {
      const model = await openModel(join(dir, path), path === 'layers' ? { mean: 10, scale: 20 } : {});
      expect(model.kind).toContain(', cpu (');
      await model.dispose();
    }
    expect(await tensorProduct(Float32Array.of(1, 2), Float32Array.of(3, 4), 2)).toEqual(Float32Array.of(11));
    expect(tf.getBackend()).toBe('cpu');
    await loadEngine({});
  });

  it('names what is no model', async () => {
    await expect(openModel(join(dir, 'nowhere'))).rejects.toThrow('nowhere is "missing", expected a finished run');
    await mkdir(join(dir, 'empty'));
    await expect(openModel(join(dir, 'empty'))).rejects.toThrow('without encoder.safetensors or model.json');
    const text = join(dir, 'text.json');
    await writeFile(text, '{"a": 1}');
    await expect(openModel(text)).rejects.toThrow('text.json: the model is "a"');
    const outside = { modelTopology: {}, weightsManifest: [{ paths: ['../x.bin'], weights: [] }] };
    await writeFile(text, JSON.stringify(outside));
    await expect(openModel(text)).rejects.toThrow('a weight file is "../x.bin"');
    const flat = join(dir, 'flat.onnx');
    await writeFile(flat, flattening(['N', 7]));
    await expect(openModel(flat)).rejects.toThrow('expected one input [N, 3, H, W] or [N, H, W, 3]');
    await expect(openModel(flat, { scale: 0 })).rejects.toThrow('scale is 0, expected a number > 0, or three');
  });
});
