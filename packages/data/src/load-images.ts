import { type ImageBatch, type ImageSource, type OptionsOf, option, readOptions } from '@protomem/core';
import { RETRIES } from './loader/create-loader.ts';
import { createProducer } from './loader/producer.ts';
import { fileSource } from './sources/file-source.ts';

const loadOptions = {
  height: option.integer({ help: 'Rows, pixels.', min: 1 }),
  width: option.integer({ help: 'Columns, pixels.', min: 1 }),
  batchSize: option.integer({ help: 'Images in a batch; the last one may have fewer.', min: 1, default: 64 }),
  /** As in `createLoader`; with one, decoding goes on while the main thread computes. */
  workers: option.integer({ help: 'Threads that decode.', min: 0, max: 64, default: 0 }),
};

/** How to load images for evaluation. */
export type LoadOptions = OptionsOf<typeof loadOptions>;

/** Batches made while the one before is in use. */
const AHEAD = 2;

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
export async function* loadImages(
  source: ImageSource,
  images: readonly { readonly identity: number; readonly image: number }[],
  options: LoadOptions,
): AsyncGenerator<ImageBatch, void, undefined> {
  const where = 'loadImages';
  const { batchSize, workers, ...size } = readOptions(where, loadOptions, options);
  const producer = createProducer(where, { source, ...size, cacheBytes: 0, retries: RETRIES, strict: true }, workers);
  const ahead: Promise<ImageBatch>[] = [];
  let planned = 0;
  try {
    while (planned < images.length || ahead.length > 0) {
      for (; planned < images.length && ahead.length <= AHEAD; planned += batchSize) {
        const plan = images.slice(planned, planned + batchSize).map((image) => ({ ...image, seed: 0 }));
        const batch = producer.produce(plan, 0);
        batch.catch(() => undefined);
        ahead.push(batch);
      }
      yield await ahead.shift()!;
    }
  } finally {
    await producer.close();
  }
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
