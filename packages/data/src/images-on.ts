import { type ImageBatch, type ImageSource, type OptionsOf, option, readOptions } from '@protomem/core';
import type { Host } from './loader/host.ts';
import { RETRIES } from './loader/loader.ts';
import { createProducer } from './loader/producer.ts';

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

/** What `loadImages` does, see there. */
export async function* imagesOn(
  host: Host,
  source: ImageSource,
  images: readonly { readonly identity: number; readonly image: number }[],
  options: LoadOptions,
): AsyncGenerator<ImageBatch, void, undefined> {
  const where = 'loadImages';
  const { batchSize, workers, ...size } = readOptions(where, loadOptions, options);
  const made = { source, ...size, cacheBytes: 0, retries: RETRIES, strict: true };
  const producer = createProducer(where, made, host, workers);
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
