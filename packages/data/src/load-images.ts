import type { ImageBatch, ImageSource } from '@protomem/core';
import { imagesOn, type LoadOptions } from './images-on.ts';
import { nodeHost } from './loader/node-host.ts';
import { fileSource } from './sources/file-source.ts';

/**
 * The named images of a source, decoded, in order, without augmentation: for evaluation.
 *
 * @param images which ones: identity and image.
 * @throws when an image cannot be read; the error names it. Nothing is replaced.
 *
 * @example
 * ```ts
 * for await (const { pixels, shape, labels } of loadImages(source, [{ identity: 0, image: 0 }], { height: 112, width: 112 })) {
 *   embed(pixels, shape);
 * }
 * ```
 */
export function loadImages(
  source: ImageSource,
  images: readonly { readonly identity: number; readonly image: number }[],
  options: LoadOptions,
): AsyncGenerator<ImageBatch, void, undefined> {
  return imagesOn(nodeHost, source, images, options);
}

/**
 * Image files, decoded, in order: {@link loadImages} for paths. `labels` are positions in the list.
 *
 * @example
 * ```ts
 * for await (const { pixels, names } of decodeFiles(['a.jpg', 'b.jpg'], { height: 112, width: 112 })) { ... }
 * ```
 */
export function decodeFiles(
  files: readonly string[],
  options: LoadOptions,
): AsyncGenerator<ImageBatch, void, undefined> {
  const images = files.map((_, identity) => ({ identity, image: 0 }));
  return loadImages(fileSource(files), images, options);
}
