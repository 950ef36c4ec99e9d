import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { encode, noise } from '../fixtures/people-folder.ts';
import { blur } from './augment/blur.ts';
import { decodeImage } from './decode.ts';

const data = process.env.PROTOMEM_DATA ?? join(import.meta.dirname, '../../../../shared/data');
const size = { height: 12, width: 10 };
const flat = (channels: 3 | 4, background: string | { r: number; g: number; b: number; alpha: number }): Sharp =>
  sharp({ create: { ...size, channels, background } });
/** The colour of a flat image after decoding. */
const firstPixel = async (bytes: Uint8Array): Promise<number[]> => {
  const pixels = await decodeImage(bytes, size);
  expect(pixels).toHaveLength(12 * 10 * 3);
  return Array.from(pixels.slice(0, 3));
};

describe('decodeImage', () => {
  it('keeps the pixels of an image that has the size already', async () => {
    const pixels = noise(12, 10, 1);
    const decoded = await decodeImage(await encode(pixels, 12, 10, 'png'), size);
    expect(Array.from(decoded)).toEqual(Array.from(pixels));
  });

  it('turns what the camera turned: all eight EXIF orientations', async () => {
    const pixels = noise(12, 10, 2);
    const at = (y: number, x: number, c: number): number => pixels[3 * (y * 10 + x) + c]!;
    // Where row y, column x of the upright image lies in the stored one, which has 12 rows and 10 columns.
    const stored: Record<number, (y: number, x: number) => [number, number]> = {
      1: (y, x) => [y, x],
      2: (y, x) => [y, 9 - x],
      3: (y, x) => [11 - y, 9 - x],
      4: (y, x) => [11 - y, x],
      5: (y, x) => [x, y],
      6: (y, x) => [11 - x, y],
      7: (y, x) => [11 - x, 9 - y],
      8: (y, x) => [x, 9 - y],
    };
    for (const [orientation, from] of Object.entries(stored)) {
      const [height, width] = Number(orientation) < 5 ? [12, 10] : [10, 12];
      const bytes = await sharp(pixels, { raw: { width: 10, height: 12, channels: 3 } })
        .withMetadata({ orientation: Number(orientation) })
        .png()
        .toBuffer();
      const decoded = await decodeImage(bytes, { height, width });
      const expected = Array.from({ length: 360 }, (_, i) =>
        at(...from(Math.floor(i / 3 / width), Math.floor(i / 3) % width), i % 3),
      );
      expect([orientation, Array.from(decoded)]).toEqual([orientation, expected]);
    }
  });

  it('gives RGB for greyscale, 16 bits, palettes and transparency', async () => {
    expect(await firstPixel(await flat(3, '#808080').toColourspace('b-w').png().toBuffer())).toEqual([128, 128, 128]);
    expect(await firstPixel(await flat(3, '#ff8000').toColourspace('rgb16').png().toBuffer())).toEqual([255, 128, 0]);
    expect(await firstPixel(await flat(3, '#ff8000').png({ palette: true }).toBuffer())).toEqual([255, 128, 0]);
    expect(await firstPixel(await flat(4, { r: 255, g: 128, b: 0, alpha: 0 }).png().toBuffer())).toEqual([0, 0, 0]);
  });

  it('gives RGB for CMYK', async () => {
    const [r, g, b] = await firstPixel(await flat(3, '#ff8000').toColourspace('cmyk').jpeg().toBuffer());
    expect(Math.abs(r! - 255) + Math.abs(g! - 128) + Math.abs(b!)).toBeLessThan(30);
  });

  it('draws SVG', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="48"><path d="M0 0h40v48H0" fill="#f80"/></svg>';
    expect(await firstPixel(Buffer.from(svg))).toEqual([255, 136, 0]);
  });

  it('takes the first frame of an animation', async () => {
    const frames = Buffer.concat([
      await flat(3, '#ff0000').raw().toBuffer(),
      await flat(3, '#0000ff').raw().toBuffer(),
    ]);
    const raw = { width: 10, height: 24, channels: 3 as const, pageHeight: 12 };
    const gif = await sharp(frames, { raw })
      .gif({ delay: [100, 100] })
      .toBuffer();
    expect((await sharp(gif).metadata()).pages).toBe(2);
    expect(await firstPixel(gif)).toEqual([255, 0, 0]);
  });

  it('covers the size and cuts evenly where the shape differs', async () => {
    // 30 columns of red, green, blue; the middle third remains.
    const stripes = Uint8Array.from({ length: 12 * 30 * 3 }, (_, i) =>
      ((Math.floor(i / 3) % 30) / 10) >> 0 === i % 3 ? 255 : 0,
    );
    const decoded = await decodeImage(await encode(stripes, 12, 30, 'png'), size);
    expect(Array.from(decoded)).toEqual(Array.from({ length: 360 }, (_, i) => (i % 3 === 1 ? 255 : 0)));
  });

  it('scales with the mean kept', async () => {
    const decoded = await decodeImage(await encode(noise(48, 40, 5), 48, 40, 'png'), size);
    const mean = decoded.reduce((sum, value) => sum + value, 0) / decoded.length;
    expect(Math.abs(mean - 127.5)).toBeLessThan(8);
  });

  it('refuses a JPEG that is cut short anywhere, and names it', async () => {
    const whole = await encode(noise(64, 64, 3), 64, 64, 'jpeg');
    await decodeImage(whole, { height: 64, width: 64 });
    for (const length of [whole.length - 2, whole.length - 40, whole.length >> 1, 700, 20, 2]) {
      await expect(
        decodeImage(whole.subarray(0, length), { height: 64, width: 64, name: 'id3/7.jpg' }),
      ).rejects.toThrow('decodeImage: id3/7.jpg is "unreadable (');
    }
  });

  it.each([
    { quality: 92, chromaSubsampling: '4:4:4' },
    { quality: 80 },
    { quality: 90, progressive: true },
    { quality: 75, mozjpeg: true },
  ] as const)('refuses a JPEG that was cut and closed again, whichever decoder reads it: %o', async (options) => {
    const photo = noise(64, 64, 3);
    blur({ data: photo, height: 64, width: 64 }, 1.5);
    const whole = await sharp(photo, { raw: { height: 64, width: 64, channels: 3 } })
      .jpeg(options)
      .toBuffer();
    for (let share = 0.35; share < 0.99; share += 0.05) {
      const bytes = Buffer.concat([whole.subarray(0, Math.round(whole.length * share)), Buffer.from([0xff, 0xd9])]);
      // At another size sharp alone reads it, which does not tell of the last row of blocks.
      const sides = [[64, false], [64, true], ...(share < 0.6 ? [[60, false] as const] : [])] as const;
      for (const [side, exact] of sides) {
        const decoded = decodeImage(bytes, { height: side, width: side, exact, name: 'cut.jpg' });
        const outcome = await decoded.then(
          () => `decoded at ${share}, side ${side}`,
          (error: Error) => error.message,
        );
        expect(outcome).toContain('decodeImage: cut.jpg is "unreadable (');
      }
    }
  });

  it('keeps what ends in one colour, and what has harmless faults', async () => {
    const border = await sharp(noise(64, 64, 3), { raw: { height: 64, width: 64, channels: 3 } })
      .extract({ left: 0, top: 0, width: 48, height: 48 })
      .extend({ bottom: 16, right: 16, background: '#000' })
      .jpeg()
      .toBuffer();
    const fast = await decodeImage(border, { height: 64, width: 64 });
    const exact = await decodeImage(border, { height: 64, width: 64, exact: true });
    expect(fast.every((value, i) => Math.abs(value - exact[i]!) <= 6)).toBe(true);
    // Two bytes too many before the end: a warning of libjpeg.
    const extra = Buffer.concat([border.subarray(0, -2), Buffer.from([0, 0]), border.subarray(-2)]);
    expect(await decodeImage(extra, { height: 64, width: 64, exact: true })).toEqual(exact);
  });

  it.skipIf(!existsSync(data))('refuses a real photograph that is cut short', async () => {
    const whole = await readFile(join(data, 'lfw112/Abdullah_Gul/Abdullah_Gul_0001.jpg'));
    const cut = decodeImage(whole.subarray(0, whole.length * 0.8), { height: 112, width: 112, name: 'gul.jpg' });
    await expect(cut).rejects.toThrow('gul.jpg is "unreadable (VipsJpeg: premature end of JPEG image)"');
  });

  it('refuses text, nothing, and too many pixels', async () => {
    const text = decodeImage(Buffer.from('not a picture'), { ...size, name: 'note.jpg' });
    await expect(text).rejects.toThrow('note.jpg is "unreadable (Input buffer contains unsupported image format)"');
    await expect(decodeImage(new Uint8Array(0), { ...size, name: 'none.jpg' })).rejects.toThrow(
      'none.jpg is "unreadable',
    );
    const large = decodeImage(await encode(noise(12, 10, 1), 12, 10, 'png'), { ...size, maxPixels: 100 });
    await expect(large).rejects.toThrow('exceeds pixel limit');
    await expect(decodeImage(new Uint8Array(0), { height: 0, width: 1 })).rejects.toThrow('height is 0');
  });
});
