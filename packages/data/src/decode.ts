import { Transformer } from '@napi-rs/image';
import { decodeWhole, firstLineOf, type OptionsOf, ProtomemError, readOptions } from '@protomem/core';
import sharp from 'sharp';
import { type Decode, decodeOptions } from './decode-options.ts';
import { isPlainJpeg } from './plain-jpeg.ts';
import { isWholeScan } from './whole-scan.ts';

/**
 * Decodes an image to RGB at a given size: EXIF rotation applied, any colour space turned into 8-bit sRGB, transparency
 * laid on black, the first frame of an animation. An image that has the size already keeps its pixels as they are;
 * another one is scaled (Lanczos 3) to cover it, and what sticks out is cut off evenly on both sides.
 *
 * Aligned faces are mostly JPEG files that have the size already. Those go to a decoder that does nothing else, less than
 * half the work of sharp's machinery; values differ from sharp's by rounding. All others, and what that decoder refuses, go
 * to sharp. Of a JPEG file whose data end early, with the marker of the end behind them, either would make half a picture:
 * such an image is refused.
 *
 * The work is done in libuv's thread pool (4 threads unless `UV_THREADPOOL_SIZE` is set before the process starts), one
 * image a thread; the calling thread only waits.
 *
 * @param bytes any format that sharp reads: JPEG, PNG, WebP, AVIF, GIF, TIFF, SVG.
 * @returns `[height, width, 3]`, row-major.
 * @throws {ProtomemError} names the image when it is cut short, damaged, too large or not an image.
 *
 * @example
 * ```ts
 * const pixels = await decodeImage(await readFile('face.jpg'), { height: 112, width: 112, name: 'face.jpg' });
 * ```
 */
export async function decodeImage(bytes: Uint8Array, options: OptionsOf<typeof decodeOptions>): Promise<Uint8Array> {
  return decodeChecked(bytes, readOptions('decodeImage', decodeOptions, options));
}

/** @internal {@link decodeImage} with options that are checked already: a loader checks them once. */
export const decodeChecked: Decode = async (bytes, { height, width, name, exact, maxPixels }) => {
  const plain = height * width <= maxPixels && isPlainJpeg(bytes, { height, width });
  if (plain && !isWholeScan(bytes)) refuse(name, 'its data end before the image does');
  // What that decoder refuses, sharp may take, or says in words what is wrong.
  const fast = plain && !exact ? await new Transformer(bytes).rawPixels().catch(() => undefined) : undefined;
  if (fast?.length === height * width * 3) return fast;
  const decode = (failOn: 'truncated' | 'warning'): Promise<Uint8Array> =>
    sharp(bytes, { failOn, limitInputPixels: maxPixels, autoOrient: true })
      .resize(width, height, { fit: 'cover', position: 'centre' })
      .flatten()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
  return decodeWhole(decode).catch((error: unknown) => refuse(name, firstLineOf(error), error));
};

function refuse(name: string, reason: string, cause?: unknown): never {
  throw new ProtomemError(
    {
      where: 'decodeImage',
      what: name,
      got: `unreadable (${reason})`,
      expected: 'a whole image in a format that sharp reads',
      fix: 'Replace the file or take it out of the data.',
    },
    { cause },
  );
}
