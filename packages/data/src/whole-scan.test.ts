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

/** 40x24 with a restart marker behind every second unit: OpenCV's `IMWRITE_JPEG_RST_INTERVAL` of 2, quality 30, of blurred noise. */
const restarting = Buffer.from(
  [
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j',
    'q62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSk',
    'pKSkpKSkpKT/wAARCAAYACgDASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAAEC/8QAGRABAQEBAQEAAAAAAAAAAAAAAAER',
    'AhIh/8QAFgEBAQEAAAAAAAAAAAAAAAAAAQAC/8QAFxEBAQEBAAAAAAAAAAAAAAAAAAERIf/dAAQAAv/aAAwDAQACEQMRAD8A1z1i',
    'dXSwgWsedWTGlS1//9Bfgtmi0yMTrV9A1IH/0c+m5dgCnOJ18AKf/9k=',
  ].join(''),
  'base64',
);

describe('isWholeScan', () => {
  it.each(Object.entries(kinds))(
    'finds any byte that is missing before the marker of the end: %s',
    async (_, options) => {
      findsMissing(await jpeg(options));
    },
  );

  it('and between restart markers, none of which may be missing', () => {
    findsMissing(restarting);
    const marker = restarting.indexOf(Buffer.from([0xff, 0xd1]));
    for (const [from, to] of [
      [marker - 2, marker],
      [marker, marker + 2],
    ]) {
      const without = Buffer.concat([restarting.subarray(0, from), restarting.subarray(to)]);
      expect(isWholeScan(without), `${from}`).toBe(false);
    }
    // T.81, B.1.1.2: any number of bytes of ones may stand before a marker.
    const filled = Buffer.concat([restarting.subarray(0, marker), Buffer.of(0xff, 0xff), restarting.subarray(marker)]);
    expect(isWholeScan(filled)).toBe(true);
  });
});

function findsMissing(whole: Buffer): void {
  expect(isWholeScan(whole)).toBe(true);
  expect(isWholeScan(Buffer.concat([whole.subarray(0, -2), Buffer.from([1, 2, 3, 0xff, 0xd9])]))).toBe(true);
  const scan = whole.indexOf(Buffer.from([0xff, 0xda])) + 14;
  for (let end = scan; end < whole.length - 2; end++) {
    const cut = Buffer.concat([whole.subarray(0, end), Buffer.from([0xff, 0xd9])]);
    expect(isWholeScan(cut), `${end} of ${whole.length}`).toBe(false);
  }
}
