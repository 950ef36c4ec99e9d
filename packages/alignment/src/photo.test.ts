import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { readPhoto } from './photo.ts';

/** 32 x 16, a colour a quarter. */
const colours = [
  [250, 10, 20],
  [30, 240, 40],
  [50, 60, 230],
  [200, 210, 90],
];
const raw = Uint8Array.from(
  Array.from({ length: 32 * 16 }, (_, i) => colours[(i % 32 < 16 ? 0 : 1) + (i < 32 * 8 ? 0 : 2)]!).flat(),
);
const image = (): Sharp => sharp(raw, { raw: { width: 32, height: 16, channels: 3 } });

/** Colours at the middles of the quarters. */
async function quarters(bytes: Uint8Array): Promise<number[][]> {
  const { pixels, width, height } = await readPhoto(bytes);
  expect(pixels).toHaveLength(width * height * 3);
  const at = (x: number, y: number): number[] => {
    const start = (Math.floor(y * height) * width + Math.floor(x * width)) * 3;
    return [...pixels.subarray(start, start + 3)];
  };
  return [at(0.25, 0.25), at(0.75, 0.25), at(0.25, 0.75), at(0.75, 0.75)];
}

function expectNear(found: number[][], expected: number[][], tolerance: number): void {
  for (const [i, value] of found.flat().entries()) {
    expect(Math.abs(value - expected.flat()[i]!), `${found} for ${expected}`).toBeLessThanOrEqual(tolerance);
  }
}

describe('readPhoto', () => {
  it('keeps plain pixels', async () => {
    const photo = await readPhoto(await image().png().toBuffer());
    expect([photo.width, photo.height]).toEqual([32, 16]);
    expect(Buffer.from(photo.pixels).equals(Buffer.from(raw))).toBe(true);
  });

  it('turns photos upright as EXIF says', async () => {
    const { width, height } = await readPhoto(await image().withMetadata({ orientation: 6 }).png().toBuffer());
    expect([width, height]).toEqual([16, 32]);
    const turned = await quarters(await image().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer());
    expectNear(turned, [colours[2]!, colours[0]!, colours[3]!, colours[1]!], 8);
  });

  it('reads greyscale, with and without transparency', async () => {
    for (const bytes of [
      await image().greyscale().png().toBuffer(),
      await image().greyscale().ensureAlpha().png().toBuffer(),
      await image().greyscale().jpeg().toBuffer(),
    ]) {
      for (const [r, g, b] of await quarters(bytes)) expect([g, b]).toEqual([r, r]);
    }
  });

  it('reads 16 bits as 8', async () => {
    const bytes = await image().toColourspace('rgb16').png().toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe('ushort');
    expectNear(await quarters(bytes), colours, 1);
  });

  it('reads CMYK', async () => {
    // Printing inks have no bright colours.
    const dull = await image().modulate({ saturation: 0.3 }).png().toBuffer();
    const bytes = await sharp(dull).toColourspace('cmyk').tiff().toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    expectNear(await quarters(bytes), await quarters(dull), 20);
  });

  it('lays transparency on black', async () => {
    const bytes = await image().ensureAlpha(0.5).png().toBuffer();
    expectNear(
      await quarters(bytes),
      colours.map((colour) => colour.map((value) => value / 2)),
      2,
    );
  });

  it('refuses what is cut short, no image, or too large', async () => {
    const bytes = await image().png().toBuffer();
    const cut = readPhoto(bytes.subarray(0, bytes.length / 2), { name: 'cut.png' });
    await expect(cut).rejects.toThrow('readPhoto: cut.png is "unreadable');
    await expect(readPhoto(Buffer.from('hello'))).rejects.toThrow('photo is "unreadable');
    await expect(readPhoto(bytes, { maxPixels: 500 })).rejects.toThrow('pixel limit');
  });
});
