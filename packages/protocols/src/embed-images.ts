import type { ImageSource } from '@protomem/core';
import { loadImages } from '@protomem/data';
import { type EmbeddingModel, normalizeRows } from './models/embedding-model.ts';

export interface EmbedImagesOptions {
  /** Add the embedding of the mirror image, as evaluation does. */
  readonly flip: boolean;
  /** Leave embeddings as long as they are, for IJB's templates, where length counts. Default: unit vectors. */
  readonly raw?: boolean;
  /** Images at a time. */
  readonly batch: number;
}

/** Unit vectors of all images of a source, in its order, batch by batch. */
export async function* embedImages(
  model: EmbeddingModel,
  source: ImageSource,
  { flip, raw = false, batch }: EmbedImagesOptions,
): AsyncGenerator<{ names: readonly string[]; labels: Float64Array; values: Float32Array }> {
  const [height, width] = model.inputSize;
  const places = [];
  for (let identity = 0; identity < source.identities; identity++) {
    for (let image = 0; image < source.imagesOf(identity); image++) places.push({ identity, image });
  }
  const options = { height, width, batchSize: batch, workers: 1 };
  for await (const { pixels, names, labels } of loadImages(source, places, options)) {
    const values = await model.embed(pixels, names.length, flip);
    yield { names, labels, values: raw ? values : normalizeRows(values, model.embeddingSize) };
  }
}
