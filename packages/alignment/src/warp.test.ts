import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '@protomem/core';
import { describe, expect, it } from 'vitest';
import { invertSimilarity, type Similarity, transformPoint } from './similarity.ts';
import { type Photo, warpPhoto } from './warp.ts';

interface Reference {
  readonly image: { readonly pixels: number[]; readonly width: number; readonly height: number };
  readonly warps: readonly { readonly transform: Similarity; readonly pixels: number[] }[];
}
const reference: Reference = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/reference.json'), 'utf8'));
const image: Photo = { ...reference.image, pixels: Uint8Array.from(reference.image.pixels) };

/** Draws a photo from a function of continuous coordinates, each pixel the mean over its square. */
function draw(width: number, height: number, value: (x: number, y: number) => number): Photo {
  const pixels = new Uint8Array(width * height * 3);
  const fine = 4;
  for (let i = 0; i < width * height; i++) {
    let sum = 0;
    for (let k = 0; k < fine * fine; k++) {
      const x = (i % width) + ((k % fine) + 0.5) / fine - 0.5;
      const y = Math.floor(i / width) + (Math.floor(k / fine) + 0.5) / fine - 0.5;
      sum += value(x, y);
    }
    pixels.fill(Math.round(sum / (fine * fine)), 3 * i, 3 * i + 3);
  }
  return { pixels, width, height };
}

/** First channel of the result's pixels that come from well inside the photo. */
function pixelsInside(result: Photo, photo: Photo, transform: Similarity): { at: number; value: number }[] {
  const back = invertSimilarity(transform);
  const margin = 1 / Math.hypot(transform.a, transform.b);
  const inside = (value: number, extent: number): boolean => value > margin && value < extent - 1 - margin;
  return Array.from({ length: result.width * result.height }, (_, at) => ({
    at,
    value: result.pixels[3 * at]!,
  })).filter(({ at }) => {
    const [x, y] = transformPoint(back, [at % result.width, Math.floor(at / result.width)]);
    return inside(x, photo.width) && inside(y, photo.height);
  });
}

const largestDifference = (one: Photo, other: Photo): number =>
  one.pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - other.pixels[i]!)), 0);

describe('warpPhoto', () => {
  it.each(reference.warps.map((warp, i) => [i, warp] as const))("is scikit-image's, warp %i", (_, warp) => {
    const { pixels } = warpPhoto(image, warp.transform, { width: 20, height: 16 });
    // Rounded here, not there.
    for (const [i, value] of pixels.entries()) expect(Math.abs(value - warp.pixels[i]!)).toBeLessThanOrEqual(0.502);
  });

  it('keeps every pixel under the identity, and moves them by whole pixels', () => {
    expect(warpPhoto(image, { a: 1, b: 0, tx: 0, ty: 0 }, image).pixels).toEqual(image.pixels);
    const { pixels } = warpPhoto(image, { a: 1, b: 0, tx: 1, ty: 2 }, { width: 11, height: 9 });
    expect([...pixels.subarray(0, 2 * 33)]).toEqual(new Array(66).fill(0));
    expect(pixels[2 * 33]).toBe(0);
    expect(pixels[2 * 33 + 3]).toBe(image.pixels[0]);
  });

  it('halves by the mean over the square that a pixel covers', () => {
    const small = warpPhoto(image, { a: 0.5, b: 0, tx: -0.25, ty: -0.25 }, { width: 5, height: 4 });
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column < 5; column++) {
        const at = (x: number, y: number): number => image.pixels[(y * 11 + x) * 3]!;
        const [x, y] = [2 * column, 2 * row];
        const mean = (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4;
        expect(small.pixels[(row * 5 + column) * 3]).toBe(Math.round(mean));
      }
    }
  });

  it('turns stripes too fine to show into their mean, without aliasing', () => {
    // Waves of 3 pixels at a scale of 1/8.
    const stripes = draw(320, 320, (x, y) => 128 + 100 * Math.sin((2 * Math.PI * (x + 0.3 * y)) / 3));
    const transform = { a: 0.125 * Math.cos(0.3), b: 0.125 * Math.sin(0.3), tx: 8, ty: -4 };
    const inside = pixelsInside(warpPhoto(stripes, transform, { width: 40, height: 40 }), stripes, transform);
    expect(inside.length).toBeGreaterThan(300);
    for (const { value } of inside) expect(Math.abs(value - 128)).toBeLessThan(12);
  });

  it('shrinks a drawing to the same drawing made small', () => {
    const blobs = (x: number, y: number): number => 128 + 60 * Math.sin(x / 40) + 60 * Math.cos(y / 50 + x / 90);
    const large = draw(400, 400, blobs);
    const transform = { a: 0.06, b: -0.03, tx: 4, ty: 12 };
    const back = invertSimilarity(transform);
    const drawn = draw(30, 30, (x, y) => blobs(...transformPoint(back, [x, y])));
    const inside = pixelsInside(warpPhoto(large, transform, drawn), large, transform);
    expect(inside.length).toBeGreaterThan(300);
    for (const { value, at } of inside) expect(Math.abs(value - drawn.pixels[3 * at]!)).toBeLessThanOrEqual(1);
  });

  it('keeps a plain colour at any scale and angle, away from the border', () => {
    const plain: Photo = { pixels: new Uint8Array(200 * 200 * 3).fill(201), width: 200, height: 200 };
    const rng = new Random(4);
    for (let n = 0; n < 20; n++) {
      const scale = Math.exp(rng.uniform(-1.5, 1.5));
      const angle = rng.uniform(-3, 3);
      const [a, b] = [scale * Math.cos(angle), scale * Math.sin(angle)];
      // The middle of the image comes to the middle of the result.
      const transform = { a, b, tx: 4.5 - a * 99.5 + b * 99.5, ty: 4.5 - b * 99.5 - a * 99.5 };
      const { pixels } = warpPhoto(plain, transform, { width: 10, height: 10 });
      expect(new Set(pixels)).toEqual(new Set([201]));
    }
  });

  it('comes back nearly the same after a turn there and back', () => {
    const soft = draw(60, 60, (x, y) => 128 + 60 * Math.sin(x / 7) * Math.cos(y / 9));
    const turn: Similarity = { a: 2 * Math.cos(0.5), b: 2 * Math.sin(0.5), tx: 60, ty: 0 };
    const there = warpPhoto(soft, turn, { width: 180, height: 180 });
    const back = warpPhoto(there, invertSimilarity(turn), { width: 60, height: 60 });
    const cut = (photo: Photo): Photo => warpPhoto(photo, { a: 1, b: 0, tx: -3, ty: -3 }, { width: 50, height: 50 });
    expect(largestDifference(cut(back), cut(soft))).toBeLessThanOrEqual(4);
  });

  it('refuses a transform without scale', () => {
    expect(() => warpPhoto(image, { a: 0, b: 0, tx: 1, ty: 1 }, image)).toThrow('the scale of transform is 0');
    expect(() => warpPhoto(image, { a: Number.NaN, b: 0, tx: 1, ty: 1 }, image)).toThrow('is NaN');
  });
});
