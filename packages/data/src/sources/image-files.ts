import { extname } from 'node:path';

/** Endings of the files that sources take for images. */
export const imageExtensions: readonly string[] = ['.jpg', '.jpeg', '.png', '.webp', '.avif', '.gif', '.tif', '.tiff'];

/** True when a file's name ends like an image's, whatever its case; hidden files are none. */
export function isImageFile(file: string): boolean {
  return !file.startsWith('.') && imageExtensions.includes(extname(file).toLowerCase());
}
