import fc from 'fast-check';
import sharp, { type JpegOptions, type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { encode, noise } from '../fixtures/people-folder.ts';
import { blur } from './augment/blur.ts';
import { decodeImage } from './decode.ts';
import { isPlainJpeg } from './plain-jpeg.ts';

const size = { height: 40, width: 53 };
/** Smooth, as photographs are. */
const image = noise(40, 53, 1);
blur({ data: image, ...size }, 1.5);
const picture = (): Sharp => sharp(image, { raw: { ...size, channels: 3 } });

describe('isPlainJpeg', () => {
  it.each([
    { quality: 92, chromaSubsampling: '4:4:4' },
    { quality: 80, chromaSubsampling: '4:2:0' },
    { quality: 75, optimiseCoding: false },
  ] satisfies JpegOptions[])(
    'says yes to what any program writes, and it decodes as sharp decodes it: %o',
    async (options) => {
      const bytes = await picture().jpeg(options).toBuffer();
      expect(isPlainJpeg(bytes, size)).toBe(true);
      const ours = await decodeImage(bytes, size);
      const theirs = await sharp(bytes).raw().toBuffer();
      expect(ours).toHaveLength(theirs.length);
      const differences = theirs.map((value, i) => Math.abs(value - ours[i]!));
      expect(Math.max(...differences)).toBeLessThanOrEqual(6);
      expect(differences.reduce((a, b) => a + b) / differences.length).toBeLessThan(0.5);
    },
  );

  it('says no to what needs more than decoding', async () => {
    const plain = await picture().jpeg().toBuffer();
    const icc = await picture().withIccProfile('p3').jpeg().toBuffer();
    const others = {
      turned: await picture().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      profile: icc,
      grey: await picture().toColourspace('b-w').jpeg().toBuffer(),
      cmyk: await picture().toColourspace('cmyk').jpeg().toBuffer(),
      png: await encode(image, 40, 53, 'png'),
      cut: plain.subarray(0, plain.length - 1),
      empty: plain.subarray(0, 0),
      progressive: await picture().jpeg({ progressive: true }).toBuffer(),
    };
    for (const [name, bytes] of Object.entries(others)) expect([name, isPlainJpeg(bytes, size)]).toEqual([name, false]);
    expect(isPlainJpeg(plain, { height: 40, width: 52 })).toBe(false);
    expect(isPlainJpeg(plain, { height: 39, width: 53 })).toBe(false);
    // Adobe's segment with transform 0: the three components are RGB already.
    const adobe = Buffer.from([0xff, 0xee, 0, 14, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 0]);
    const withAdobe = Buffer.concat([plain.subarray(0, 2), adobe, plain.subarray(2)]);
    expect(isPlainJpeg(withAdobe, size)).toBe(false);
    withAdobe[2 + adobe.length - 1] = 1;
    expect(isPlainJpeg(withAdobe, size)).toBe(true);
  });

  it('says no to sampling factors that no file has, and decoding them ends in an error', async () => {
    const plain = await picture().jpeg().toBuffer();
    const frame = plain.indexOf(Buffer.from([0xff, 0xc0]));
    for (const factors of [0x00, 0x10, 0x01, 0x15, 0x51]) {
      const bytes = Buffer.from(plain);
      for (const at of [11, 14, 17]) bytes[frame + at] = factors;
      expect([factors, isPlainJpeg(bytes, size)]).toEqual([factors, false]);
      await expect(decodeImage(bytes, { ...size, name: 'a.jpg' })).rejects.toThrow('a.jpg is "unreadable (');
    }
  });

  it('survives damage: decoding ends in pixels or in an error that names the image', async () => {
    const plain = await picture().jpeg({ quality: 50 }).toBuffer();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(plain.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        async (changes) => {
          const bytes = Uint8Array.from(plain);
          for (const [at, value] of changes) bytes[at] = value;
          isPlainJpeg(bytes, size);
          const outcome = await decodeImage(bytes, { ...size, name: 'damaged.jpg' }).catch((error: Error) => error);
          if (outcome instanceof Error) expect(outcome.message).toContain('decodeImage: damaged.jpg is "unreadable (');
          else expect(outcome).toHaveLength(3 * 40 * 53);
        },
      ),
      { numRuns: 300 },
    );
  });
});
