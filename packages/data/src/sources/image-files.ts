import { extname } from 'node:path';
import { imageEndings } from '@protomem/core';
import sharp from 'sharp';

/** Endings of the files that sources take for images. */
export const imageExtensions: readonly string[] = imageEndings({ ...sharp.format });

/** True when a file's name ends like an image's, whatever its case; hidden files are none. */
export function isImageFile(file: string): boolean {
  return !file.startsWith('.') && imageExtensions.includes(extname(file).toLowerCase());
}
