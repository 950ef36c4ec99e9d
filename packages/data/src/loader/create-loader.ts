import { part } from '@protomem/core';
import { loaderOn, loaderOptions } from './loader.ts';
import { nodeHost } from './node-host.ts';

/**
 * A stream of decoded, augmented batches, prepared ahead in worker threads.
 *
 * TensorFlow.js on Node holds the main thread while it computes, and no promise moves there meanwhile. So plans for
 * `prefetch` batches lie ready in a worker thread, which works on while the main thread is busy; finished batches wait,
 * and no more are begun until one is taken.
 *
 * Batches are the same, bit for bit, for any `workers`, `prefetch` and `cacheBytes`, and after any resume. `state()` is
 * the sampler's state after the batch that `next()` delivered last, whatever was prepared ahead; `restore()` drops that.
 *
 * An unreadable image does not end a run: another image of its identity takes its place (chosen by the plan's seed, not
 * in the batch already if possible), or, when the identity has no readable one, one of another identity, with that
 * identity's label. `skipped` of the batch names it, and it is not tried again before the next pass over the data.
 *
 * Decoding runs in libuv's threads, whose number is `UV_THREADPOOL_SIZE` (default 4, set before the process starts), for
 * any number of workers. One worker is enough unless augmentation is heavy.
 *
 * @throws from `next()` when more than `maxMissing` of a pass, and more than one file, could not be read, when neither an image nor any in its place can be read, and after `close()`.
 *
 * @example
 * ```ts
 * const loader = createLoader({ source, sampler, height: 112, width: 112, augmentation: createAugmentation() });
 * const { pixels, labels } = await loader.next();
 * await loader.close();
 * ```
 */
export const createLoader = part('createLoader', loaderOptions, (options) => loaderOn(nodeHost, options));
