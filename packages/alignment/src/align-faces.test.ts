import { Random } from '@protomem/core';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { alignFaces } from './align-faces.ts';
import { faceSharpness } from './face-sharpness.ts';
import { arcFaceTemplate, type Landmarks, mapPoints } from './template.ts';
import type { Photo } from './warp.ts';

const random = new Random(5);
const noise = (width: number, height: number): Photo => ({
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, () => random.below(256)),
});
const at = (left: number, top: number, side: number): Landmarks =>
  mapPoints(arcFaceTemplate(side), ([x, y]) => [x + left, y + top]);

describe('alignFaces', () => {
  it('finds every face, the largest first, and says which cannot be aligned', async () => {
    const photo = noise(400, 300);
    const mirrored = mapPoints(at(0, 0, 100), ([x, y]) => [100 - x, y]) as Landmarks;
    const found = [at(10, 20, 56), at(150, 40, 112), mirrored].map((landmarks) => ({ landmarks, score: 0.5 }));
    const { faces, refused } = await alignFaces(photo, () => found, 'a.jpg');
    expect(faces.map(({ box }) => Object.values(box).map(Math.round))).toEqual([
      [150, 40, 112],
      [10, 20, 56],
    ]);
    expect(refused).toHaveLength(1);
    // One pixel of the photo is one of the aligned image here.
    const { pixels } = faces[0]!.image;
    for (const [x, y] of [
      [0, 0],
      [60, 30],
      [111, 111],
    ] as const) {
      const from = 3 * ((y + 40) * 400 + x + 150);
      expect([...pixels.subarray(3 * (y * 112 + x), 3 * (y * 112 + x) + 3)]).toEqual([
        ...photo.pixels.subarray(from, from + 3),
      ]);
    }
    expect(await alignFaces(photo, () => [])).toEqual({ faces: [], refused: [] });
  });
});

it('says where a face is from edge to edge of its pixels, in a photo of any scale', async () => {
  // Twice as large as on the template: two pixels of the photo are one of the image, from the edge of the photo on.
  const landmarks = mapPoints(arcFaceTemplate(), ([x, y]) => [2 * x + 0.5, 2 * y + 0.5]);
  const { faces } = await alignFaces(noise(224, 224), () => [{ landmarks }]);
  const [left, top, side] = [0, 0, 224].map((value) => expect.closeTo(value, 6));
  expect(faces[0]!.box).toEqual({ left, top, side });
});

it('refuses a face far larger than its photo, whose landmarks are in another unit', async () => {
  const photo = noise(40, 30);
  const { faces, refused } = await alignFaces(photo, () => [4, 5].map((k) => ({ landmarks: at(0, 0, 39 * k) })));
  expect(faces.map(({ box }) => Math.round(box.side))).toEqual([156]);
  expect(refused.map(({ message }) => message)).toEqual([
    expect.stringContaining(
      'landmarks is "a face 195 pixels wide", expected at most 4 times the longer side of 40 x 30',
    ),
  ]);
});

describe('faceSharpness', () => {
  it('falls with blur, and not with contrast or brightness', async () => {
    const face = noise(112, 112);
    const changed = async (change: (image: Sharp) => Sharp): Promise<number> => {
      const raw = { width: 112, height: 112, channels: 3 } as const;
      const pixels = await change(sharp(face.pixels, { raw })).raw().toBuffer();
      return faceSharpness({ pixels, width: 112, height: 112 });
    };
    // Of noise the Laplacian has 4² + 4 times its variance.
    expect(faceSharpness(face)).toBeGreaterThan(19);
    expect(faceSharpness(face)).toBeLessThan(21);
    const [one, two] = [await changed((image) => image.blur(1)), await changed((image) => image.blur(3))];
    expect(one).toBeLessThan(3);
    expect(two).toBeLessThan(one / 5);
    expect(await changed((image) => image.linear(0.5, 60))).toBeGreaterThan(19);
    expect(faceSharpness({ ...face, pixels: new Uint8Array(112 * 112 * 3).fill(9) })).toBe(0);
    expect(() => faceSharpness({ ...face, width: 56 })).toThrow('the image is "56 x 112"');
  });
});
