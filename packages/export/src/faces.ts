import { check } from '@protomem/core';
import { loadImages, openDataset } from '@protomem/data';
import { syntheticFaces } from '@protomem/synthetic';

/**
 * Batches of faces to compare models on: of a data set, one of each person first, since they differ more than images of one;
 * or drawn ones.
 */
export async function* facesOf(
  faces: string | undefined,
  options: {
    readonly images: number;
    readonly size: readonly [number, number];
    readonly batch: number;
    /** So many are left out before. */
    readonly skip?: number;
  },
): AsyncGenerator<{ readonly pixels: Uint8Array; readonly count: number }> {
  const { images, size, batch, skip = 0 } = options;
  const end = skip + images;
  const [height, width] = size;
  if (faces === undefined) {
    const source = syntheticFaces({ identities: end, imagesPerIdentity: 1, seed: 0 });
    for (let start = skip; start < end; start += batch) {
      const count = Math.min(batch, end - start);
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
  for (let image = 0, any = true; any && places.length < end; image++) {
    any = false;
    for (let identity = 0; identity < source.identities && places.length < end; identity++) {
      if (image >= source.imagesOf(identity)) continue;
      places.push({ identity, image });
      any = true;
    }
  }
  check(places.length > skip, () => ({
    where: faces,
    what: 'number of images',
    got: places.length,
    expected: skip === 0 ? 'images of faces' : `more than the ${skip} to compare on: int8 is calibrated on others`,
  }));
  for await (const { pixels, names } of loadImages(source, places.slice(skip), {
    height,
    width,
    batchSize: batch,
    workers: 1,
  })) {
    yield { pixels, count: names.length };
  }
}
