import type { ImageBatch, ImageSource, ReferenceRequest } from '@protomem/core';
import type { Decode } from '../decode-options.ts';
import { permutation } from '../samplers/permutation.ts';
import { createImageReader, IMAGES_TRIED, type Unread } from './image-reader.ts';

/**
 * Reads what `Loader.references` asks for. In the calling thread, but for the decoding: an answer waits for no batch that a
 * worker is at.
 */
export function createReferences(
  source: ImageSource,
  { height, width }: { readonly height: number; readonly width: number },
  decode: Decode,
): (request: ReferenceRequest) => Promise<ImageBatch> {
  const read = createImageReader(source, { height, width, cacheBytes: 0, retries: 0 }, decode);
  let requests = 0;

  return async ({ identities, images: wanted, seed }) => {
    // What could not be read before is tried again.
    const request = requests++;
    const skipped: Unread[] = [];
    const ofEach = await Promise.all(
      identities.map(async (identity) => {
        const count = source.imagesOf(identity);
        if (count === 0) return { identity, found: [], unread: [] };
        const tried = Math.min(count, IMAGES_TRIED);
        const shuffled = permutation(count, seed, identity);
        const found: { readonly image: number; readonly name: string; readonly pixels: Uint8Array }[] = [];
        const unread: Unread[] = [];
        // As many as are missing at a time.
        for (let next = 0; found.length < wanted && next < tried; ) {
          const some = Array.from({ length: Math.min(wanted - found.length, tried - next) }, (_, i) =>
            shuffled(next + i),
          );
          next += some.length;
          const results = await Promise.all(some.map((image) => read(identity, image, request)));
          results.forEach((result, i) => {
            if ('pixels' in result) found.push({ ...result, image: some[i]! });
            else unread.push(result);
          });
        }
        return { identity, found, unread };
      }),
    );
    for (const { unread } of ofEach) skipped.push(...unread);
    const all = ofEach.flatMap(({ identity, found }) => found.map((image) => ({ identity, ...image })));
    const pixels = new Uint8Array(all.length * height * width * 3);
    all.forEach((image, i) => {
      pixels.set(image.pixels, i * height * width * 3);
    });
    return {
      pixels,
      shape: [all.length, height, width, 3],
      labels: Float64Array.from(all, ({ identity }) => identity),
      images: Float64Array.from(all, ({ image }) => image),
      names: all.map(({ name }) => name),
      skipped,
    };
  };
}
