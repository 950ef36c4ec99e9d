import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { alignPhoto } from './align-photo.ts';
import type { Detect } from './detect.ts';
import { humanDetector } from './human-detector.ts';
import { readPhoto } from './photo.ts';
import { fitError, type Similarity, transformPoint } from './similarity.ts';
import { arcFaceTemplate, faceTransform } from './template.ts';
import { type Photo, warpPhoto } from './warp.ts';

const data = process.env.PROTOMEM_DATA ?? join(import.meta.dirname, '../../../../shared/data');
const faces = join(data, 'lfw112');
const people = ['Al_Gore', 'Serena_Williams', 'Kofi_Annan'];
const there = people.every((name) => existsSync(join(faces, name, `${name}_0001.jpg`)));
if (!there) console.log(`skipped: detection on real faces, because ${faces} is not there`);

let detect: Detect;
beforeAll(async () => {
  await tf.setBackend('wasm');
  detect = await humanDetector();
});

/** Faces on grey, each where its transform puts it. */
async function paste(
  width: number,
  height: number,
  ...placed: [name: string, transform: Similarity][]
): Promise<Photo> {
  const pixels = new Uint8Array(width * height * 3).fill(120);
  for (const [name, transform] of placed) {
    const face = await readPhoto(await readFile(join(faces, name, `${name}_0001.jpg`)));
    const moved = warpPhoto(face, transform, { width, height });
    const mask = warpPhoto({ ...face, pixels: face.pixels.slice().fill(255) }, transform, { width, height });
    for (const [i, value] of moved.pixels.entries()) if (mask.pixels[i] === 255) pixels[i] = value;
  }
  return { pixels, width, height };
}

const turned = (scale: number, degrees: number, tx: number, ty: number): Similarity => {
  const angle = (degrees * Math.PI) / 180;
  return { a: scale * Math.cos(angle), b: scale * Math.sin(angle), tx, ty };
};

describe('humanDetector', () => {
  it('finds nothing where there is nothing, and leaves no tensor behind', async () => {
    const empty: Photo = { pixels: new Uint8Array(64 * 48 * 3).fill(90), width: 64, height: 48 };
    expect(await detect(empty, '')).toEqual([]);
    const before = tf.memory().numTensors;
    expect(await detect(empty, '')).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
    await expect(humanDetector({ minScore: 2 })).rejects.toThrow('minScore is 2');
  });

  it.skipIf(!there)('finds a face that is turned, large or small, where it is', async () => {
    const eyes = arcFaceTemplate()[1][0] - arcFaceTemplate()[0][0];
    const places: [string, Similarity][] = [
      ['Al_Gore', turned(1, 0, 100, 60)],
      ['Al_Gore', turned(2.2, 35, 200, 40)],
      ['Serena_Williams', turned(0.6, -40, 100, 250)],
    ];
    for (const [name, transform] of places) {
      const found = await detect(await paste(480, 400, [name, transform]), '');
      expect(found).toHaveLength(1);
      // Where the true points come to lie when the photo is aligned by those found.
      const back = faceTransform(found[0]!.landmarks).transform;
      const truth = arcFaceTemplate().map((point) => transformPoint(transform, point));
      expect(fitError(back, truth, arcFaceTemplate()) / eyes).toBeLessThan(0.1);
    }
  });

  it.skipIf(!there)('takes the largest or the most central of several', async () => {
    const photo = await paste(600, 400, ['Al_Gore', turned(1.6, 5, 0, 10)], ['Kofi_Annan', turned(1, -5, 250, 150)]);
    const largest = await alignPhoto(photo, detect);
    const central = await alignPhoto(photo, detect, { prefer: 'central' });
    expect([largest.faces, central.faces]).toEqual([2, 2]);
    expect(largest.landmarks![2][0]).toBeLessThan(200);
    expect(central.landmarks![2][0]).toBeGreaterThan(250);
  });

  it.skipIf(!there)('searches parts of a photo where the whole shows no face', async () => {
    const photo = await paste(1800, 1200, ['Serena_Williams', turned(0.5, 20, 1500, 900)]);
    const [face, ...more] = await detect(photo, '');
    expect(more).toEqual([]);
    expect(Math.hypot(face!.landmarks[2][0] - 1515, face!.landmarks[2][1] - 942)).toBeLessThan(12);
  });
});
