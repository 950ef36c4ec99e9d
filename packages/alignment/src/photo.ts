import { decodeWhole, firstLineOf, type OptionsOf, option, ProtomemError, readOptions } from '@protomem/core';
import sharp, { type Sharp } from 'sharp';
import type { Photo } from './warp.ts';

export const readPhotoOptions = {
  name: option.text({ help: 'Names the photo in errors.', default: 'photo' }),
  /** 3 bytes each; 0 for no limit. */
  maxPixels: option.integer({
    help: 'Photos with more pixels are refused as unreadable before they are unpacked.',
    min: 0,
    default: 1e8,
  }),
};

/**
 * Decodes a photo at its own size: EXIF rotation applied; greyscale, CMYK, 16 bits and other colour spaces turned into
 * 8-bit sRGB; transparency laid on black; the first frame of an animation.
 *
 * @param bytes any format that sharp reads.
 * @throws {ProtomemError} names the photo when it is cut short, damaged, too large or not an image.
 */
export async function readPhoto(bytes: Uint8Array, options: OptionsOf<typeof readPhotoOptions> = {}): Promise<Photo> {
  const { name, maxPixels } = readOptions('readPhoto', readPhotoOptions, options);
  const decode = async (failOn: 'truncated' | 'warning'): Promise<Photo> => {
    const { data, info } = await sharp(bytes, { failOn, limitInputPixels: maxPixels, autoOrient: true })
      .flatten()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { pixels: data, width: info.width, height: info.height };
  };
  return decodeWhole(decode).catch((error: unknown) => {
    throw new ProtomemError(
      {
        where: 'readPhoto',
        what: name,
        got: `unreadable (${firstLineOf(error)})`,
        expected: 'a whole image in a format that sharp reads',
      },
      { cause: error },
    );
  });
}

/** File formats of aligned images, by the ending of their names. */
export const writers = {
  jpg: (photo: Photo): Promise<Uint8Array> => raw(photo).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
  png: (photo: Photo): Promise<Uint8Array> => raw(photo).png().toBuffer(),
};

function raw({ pixels, width, height }: Photo): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}
