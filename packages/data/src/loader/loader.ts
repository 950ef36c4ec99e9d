import {
  check,
  type ImageBatch,
  type ImageSource,
  type Loader,
  type OptionsOf,
  option,
  type Sampler,
  type Settings,
  type State,
} from '@protomem/core';
import type { Augmentation } from '../augment/create-augmentation.ts';
import type { Host } from './host.ts';
import { createProducer } from './producer.ts';
import { createReferences } from './references.ts';

/** Of reads that failed. */
export const RETRIES = 3;

/** Batches of a pass, where the sampler knows none. */
const ENDLESS_PASS = 1000;

export const loaderOptions = {
  source: option.given<ImageSource>()({ help: 'Where the images are.' }),
  sampler: option.given<Sampler>()({ help: 'Chooses the images; from now on only the loader may move it.' }),
  height: option.integer({ help: 'Rows of an image, pixels.', min: 1 }),
  width: option.integer({ help: 'Columns of an image, pixels.', min: 1 }),
  augmentation: option.given<Augmentation>()({ help: 'Changes the images at random.', absent: 'images as they are' }),
  /** Each takes B · H · W · 3 bytes. */
  prefetch: option.integer({ help: 'Batches made ahead, at most.', min: 0, default: 4 }),
  workers: option.integer({
    help: 'Threads that read, decode and augment; 0 works in the calling thread.',
    min: 0,
    max: 64,
    absent: '1, or 0 where the source has no spec or the augmentation is your own: no thread can be given these',
  }),
  /** Batches go to workers by turn: of several, the one that an image comes to next has rarely kept it. */
  cacheBytes: option.integer({
    help: 'Bytes of decoded images to keep for the next pass: all in one worker, or a part in each, which then may get other images.',
    min: 0,
    default: 0,
  }),
  /** After 0.1 s, 0.4 s, 1.6 s and so on: a network file system may be back by then. */
  retries: option.integer({ help: 'How often a read that failed is tried again.', min: 0, max: 8, default: RETRIES }),
  /** An image that is there, but is none, does not count: it is left out and named, whatever this says. */
  maxMissing: option.number({
    help: 'Largest share of the images of a pass over the data that may fail to be read; beyond it, and of more than one file, the run stops. 0: not even of one.',
    ...{ min: 0, max: 1, default: 0.01 },
  }),
  /** When the batch that it is missing from is delivered. */
  onSkip: option.given<(skipped: { readonly name: string; readonly reason: string }) => void>()({
    help: 'Called once for each unreadable image.',
    absent: 'nothing',
  }),
};

/** What to load and how far ahead. */
export type LoaderOptions = OptionsOf<typeof loaderOptions>;

/** What `createLoader` does, see there. */
export function loaderOn(host: Host, options: Settings<typeof loaderOptions>): Loader {
  const { sampler, prefetch, onSkip, workers, maxMissing, ...images } = options;
  const producer = createProducer('createLoader', { ...images, strict: false }, host, workers);
  const references = createReferences(images.source, images, host.decode);

  let ahead: { readonly batch: Promise<ImageBatch>; readonly after: State }[] = [];
  // The sampler's state as of the last delivered batch; undefined until the sampler has been moved.
  let delivered: State | undefined;
  let closed = false;
  const pass = Number.isFinite(sampler.batchesPerEpoch) ? sampler.batchesPerEpoch : ENDLESS_PASS;
  let planned = 0;
  /** Of this pass: batches, places of images that were missing, and why, by name, the last one last. */
  const taken = { batches: 0, places: 0, missing: new Map<string, string>() };
  const begin = (): void => {
    taken.batches = taken.places = 0;
    taken.missing.clear();
  };
  const reported = new Set<string>();

  const fill = async (): Promise<void> => {
    delivered ??= await sampler.state();
    while (ahead.length <= prefetch) {
      const batch = producer.produce(sampler.next(), Math.floor(planned++ / pass));
      // A batch may fail long before anybody asks for it.
      batch.catch(() => undefined);
      ahead.push({ batch, after: await sampler.state() });
    }
  };
  const deliver = async (): Promise<ImageBatch> => {
    check(!closed, () => ({ where: 'loader.next', what: 'the loader', got: 'closed', expected: 'an open one' }));
    await fill();
    const { batch, after } = ahead.shift()!;
    const result = await batch;
    checkMissing(result);
    delivered = after;
    for (const skipped of result.skipped) {
      if (reported.has(skipped.name)) continue;
      reported.add(skipped.name);
      onSkip?.(skipped);
    }
    return result;
  };

  const checkMissing = ({ skipped }: ImageBatch): void => {
    if (taken.batches % pass === 0) begin();
    taken.batches++;
    for (const { name, reason, missing } of skipped) {
      if (!missing) continue;
      taken.places++;
      taken.missing.delete(name);
      taken.missing.set(name, reason);
    }
    const all = pass * sampler.batchSize;
    // One file ends no run, however few there are.
    const isOne = maxMissing > 0 && taken.missing.size === 1;
    check(taken.places <= maxMissing * all || isOne, () => ({
      where: 'loader',
      what: `images of ${images.source.name} that could not be read`,
      got: `${taken.places} of the ${all} of this pass, the last ${[...taken.missing].at(-1)!.join(' (')})`,
      expected: `at most ${100 * maxMissing} %${maxMissing > 0 ? ', or one file' : ''}`,
      fix: 'Bring the data back and go on from the checkpoint, or allow more by maxMissing (data.maxMissing of a run).',
    }));
  };

  // One thing at a time: `next` and `restore` wait for those before them.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const turn = last.then(task, task);
    last = turn.catch(() => undefined);
    return turn;
  };

  return {
    batchSize: sampler.batchSize,
    batchesPerEpoch: sampler.batchesPerEpoch,
    next: () => inTurn(deliver),
    references,
    state: async () => delivered ?? (await sampler.state()),
    restore: (state) =>
      inTurn(async () => {
        await sampler.restore(state);
        ahead = [];
        delivered = undefined;
        begin();
      }),
    async close() {
      closed = true;
      ahead = [];
      await producer.close();
    },
  };
}
