import { Transformer } from '@napi-rs/image';
import { type OptionsOf, option, ProtomemError, readOptions, type Settings } from '@protomem/core';
import sharp from 'sharp';
import { isPlainJpeg } from './plain-jpeg.ts';

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
 * to sharp.
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
  const plain = !exact && height * width <= maxPixels && isPlainJpeg(bytes, { height, width });
  const fast = plain ? await decodePlain(bytes) : undefined;
  if (fast?.length === height * width * 3) return fast;
  const decode = async (): Promise<Uint8Array> =>
    sharp(bytes, { failOn: 'truncated', limitInputPixels: maxPixels, autoOrient: true })
      .resize(width, height, { fit: 'cover', position: 'centre' })
      .flatten()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
  // libvips keeps one list of errors for all threads: another decoding may have taken this one's words away.
  const again = (error: unknown): Promise<Uint8Array> => {
    if (reasonOf(error) === 'Unknown error') return decode();
    throw error;
  };
  return decode()
    .catch(again)
    .catch(again)
    .catch(again)
    .catch(again)
    .catch((error: unknown) => {
      throw new ProtomemError(
        {
          where: 'decodeImage',
          what: name,
          got: `unreadable (${reasonOf(error)})`,
          expected: 'a whole image in a format that sharp reads',
          fix: 'Replace the file or take it out of the data.',
        },
        { cause: error },
      );
    });
}

/** @returns nothing for what the decoder refuses: sharp may be more lenient, and says in words what is wrong. */
function decodePlain(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  return new Transformer(bytes).rawPixels().catch(() => undefined);
}

/** The first line of an error, without the sentence mark. */
function reasonOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split('\n')[0]!
    .trim();
}
