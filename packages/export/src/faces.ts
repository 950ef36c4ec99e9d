import { check } from '@protomem/core';
import { loadImages, openDataset } from '@protomem/data';
import { syntheticFaces } from '@protomem/synthetic';

/**
 * Batches of faces to compare models on: of a data set, one of each person first, since they differ more than images of one;
 * or drawn ones.
 */
export async function* facesOf(
  faces: string | undefined,
  options: { readonly images: number; readonly size: readonly [number, number]; readonly batch: number },
): AsyncGenerator<{ readonly pixels: Uint8Array; readonly count: number }> {
  const { images, size, batch } = options;
  const [height, width] = size;
  if (faces === undefined) {
    const source = syntheticFaces({ identities: images, imagesPerIdentity: 1, seed: 0 });
    for (let start = 0; start < images; start += batch) {
      const count = Math.min(batch, images - start);
      const pixels = new Uint8Array(count * height * width * 3);
      for (let i = 0; i < count; i++) {
        pixels.set((await source.draw!(start + i, 0, height, width)).pixels, i * height * width * 3);
      }
      yield { pixels, count };
    }
    return;
  }
  const source = await openDataset(faces);
  const places = [];
  for (let image = 0, any = true; any && places.length < images; image++) {
    any = false;
    for (let identity = 0; identity < source.identities && places.length < images; identity++) {
      if (image >= source.imagesOf(identity)) continue;
      places.push({ identity, image });
      any = true;
    }
  }
  check(places.length > 0, () => ({ where: faces, what: 'the data set', got: 'empty', expected: 'images of faces' }));
  for await (const { pixels, names } of loadImages(source, places, { height, width, batchSize: batch, workers: 1 })) {
    yield { pixels, count: names.length };
  }
}
