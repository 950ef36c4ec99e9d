import { Random } from '@protomem/core';
import sharp, { type JpegOptions } from 'sharp';
import { describe, expect, it } from 'vitest';
import { isWholeScan } from './whole-scan.ts';

const random = new Random(4);
const pixels = Uint8Array.from({ length: 40 * 24 * 3 }, () => random.below(256));
const jpeg = (options: JpegOptions): Promise<Buffer> =>
  sharp(pixels, { raw: { width: 40, height: 24, channels: 3 } })
    .jpeg(options)
    .toBuffer();

const kinds: Readonly<Record<string, JpegOptions>> = {
  'colour at half resolution': { chromaSubsampling: '4:2:0' },
  'colour at full resolution': { chromaSubsampling: '4:4:4' },
  'codes made for the image': { optimiseCoding: true, quality: 30 },
};

describe('isWholeScan', () => {
  it.each(Object.entries(kinds))(
    'finds any byte that is missing before the marker of the end: %s',
    async (_, options) => {
      const whole = await jpeg(options);
      expect(isWholeScan(whole)).toBe(true);
      expect(isWholeScan(Buffer.concat([whole.subarray(0, -2), Buffer.from([1, 2, 3, 0xff, 0xd9])]))).toBe(true);
      const scan = whole.indexOf(Buffer.from([0xff, 0xda])) + 14;
      for (let end = scan; end < whole.length - 2; end++) {
        const cut = Buffer.concat([whole.subarray(0, end), Buffer.from([0xff, 0xd9])]);
        expect(isWholeScan(cut), `${end} of ${whole.length}`).toBe(false);
      }
    },
  );
});
