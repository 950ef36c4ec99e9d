// What a bundler for browsers takes in place of index.ts: what needs no files.
import { type ImageBatch, type ImageSource, type OptionsOf, part, readOptions } from '@protomem/core';
import { canvasHost } from './canvas-host.ts';
import { decodeOptions } from './decode-options.ts';
import { imagesOn, type LoadOptions } from './images-on.ts';
import { loaderOn, loaderOptions } from './loader/loader.ts';
import { type SelectionOptions, selection } from './sources/selection.ts';

export * from './everywhere.ts';

/** `createLoader` of `loader/create-loader.ts`; the page's thread makes the batches, images are decoded by the browser. */
export const createLoader = part('createLoader', loaderOptions, (options) => loaderOn(canvasHost, options));

/** `decodeImage` of `decode.ts`, by the browser: other pixels than sharp's, by rounding and by scaling. */
export async function decodeImage(bytes: Uint8Array, options: OptionsOf<typeof decodeOptions>): Promise<Uint8Array> {
  return canvasHost.decode(bytes, readOptions('decodeImage', decodeOptions, options));
}

/** `loadImages` of `load-images.ts`. */
export function loadImages(
  source: ImageSource,
  images: readonly { readonly identity: number; readonly image: number }[],
  options: LoadOptions,
): AsyncGenerator<ImageBatch, void, undefined> {
  return imagesOn(canvasHost, source, images, options);
}

/** `selectIdentities` of `sources/select-identities.ts`. */
export function selectIdentities(source: ImageSource, options: SelectionOptions = {}): ImageSource {
  return selection(source, options);
}
