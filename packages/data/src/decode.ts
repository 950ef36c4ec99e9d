import { Transformer } from '@napi-rs/image';
import {
  decodeWhole,
  firstLineOf,
  type OptionsOf,
  option,
  ProtomemError,
  readOptions,
  type Settings,
} from '@protomem/core';
import sharp from 'sharp';
import { plainJpeg } from './plain-jpeg.ts';

/** @internal */
export const decodeOptions = {
  height: option.integer({ help: 'Rows of the result, pixels.', min: 1 }),
  width: option.integer({ help: 'Columns of the result, pixels.', min: 1 }),
  name: option.text({ help: 'Names the image in errors.', default: 'image' }),
  /**
   * Slower; for evaluation, where rounding moves an accuracy by a pair or two. sharp's JPEG decoder is libjpeg-turbo: the
   * pixels that other tools see too.
   */
  exact: option.flag({ help: 'Always by sharp.', default: false }),
  /** 0 for no limit. */
  maxPixels: option.integer({
    help: 'Images with more pixels are refused before they are unpacked.',
    min: 0,
    default: 1e8,
  }),
};

/**
 * Decodes an image to RGB at a given size: EXIF rotation applied, any colour space turned into 8-bit sRGB, transparency
 * laid on black, the first frame of an animation. An image that has the size already keeps its pixels as they are;
 * another one is scaled (Lanczos 3) to cover it, and what sticks out is cut off evenly on both sides.
 *
 * Aligned faces are mostly JPEG files that have the size already. Those go to a decoder that does nothing else, a fifth of
 * the work of sharp's machinery; values differ from sharp's by rounding. All others, and what that decoder refuses, go
 * to sharp. Both have to agree on progressive files and those that end in one colour: data that end early, with the marker
 * of the end behind them, are filled by each in its own way. Such an image is refused.
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
export async function decodeChecked(
  bytes: Uint8Array,
  { height, width, name, exact, maxPixels }: Settings<typeof decodeOptions>,
): Promise<Uint8Array> {
  const plain = height * width <= maxPixels ? plainJpeg(bytes, { height, width }) : undefined;
  const decoded = plain ? await decodePlain(bytes) : undefined;
  const fast = decoded?.length === height * width * 3 ? decoded : undefined;
  const suspect = fast && (plain === 'progressive' || endsFlat(fast, width));
  if (fast && !suspect && !exact) return fast;
  const decode = (failOn: 'truncated' | 'warning'): Promise<Uint8Array> =>
    sharp(bytes, { failOn, limitInputPixels: maxPixels, autoOrient: true })
      .resize(width, height, { fit: 'cover', position: 'centre' })
      .flatten()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
  const pixels = await decodeWhole(decode).catch((error: unknown) => refuse(name, firstLineOf(error), error));
  if (fast && suspect && !areAlike(fast, pixels)) refuse(name, 'its data end before the image does');
  return exact || !fast ? pixels : fast;
}

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

/** Side of the corner in which the last block of a JPEG file leaves no pixel to its neighbours, whatever its sampling. */
const CORNER = 4;
/** Largest difference between two decoders of one whole image, with room: it is 6 at most. */
const ROUNDING = 32;

/** Whether the last corner has one colour. It is what stands in for data that end early; or a border, or a wall. */
function endsFlat(pixels: Uint8Array, width: number): boolean {
  const height = pixels.length / 3 / width;
  const last = pixels.length - 3;
  for (let y = Math.max(0, height - CORNER); y < height; y++) {
    for (let x = Math.max(0, width - CORNER); x < width; x++) {
      const at = 3 * (y * width + x);
      for (let c = 0; c < 3; c++) if (pixels[at + c] !== pixels[last + c]) return false;
    }
  }
  return true;
}

/** Decoders fill what is missing each in its own way. */
function areAlike(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((value, i) => Math.abs(value - other[i]!) <= ROUNDING);
}

/** @returns nothing for what the decoder refuses: sharp may be more lenient, and says in words what is wrong. */
function decodePlain(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  return new Transformer(bytes).rawPixels().catch(() => undefined);
}
