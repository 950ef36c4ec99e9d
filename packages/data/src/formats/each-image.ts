import { type ImageSource, type OptionsOf, option } from '@protomem/core';
import { countImages } from '../sources/image-counts.ts';

/** An image on its way from one format to another. */
export interface NamedImage {
  readonly identity: number;
  readonly image: number;
  /** Without folder; with or without ending. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** How far a conversion or a check has come. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** What all writers of a data set take. */
export const writeOptions = {
  onProgress: option.given<(progress: Progress) => void>()({ help: 'Called after each image.', absent: 'nothing' }),
  /** The work rejects with its reason and leaves nothing behind. */
  signal: option.given<AbortSignal>()({ help: 'Stops the work.', absent: 'none' }),
};

/** How to follow and stop work on all images of a source. */
export type WriteOptions = OptionsOf<typeof writeOptions>;

/** Images at work while those before them are in use. */
const AHEAD = 16;

/** All images of a source in order, the next ones loading meanwhile. Rejects where one cannot be read. */
export function eachImage(source: ImageSource, options: WriteOptions): AsyncGenerator<NamedImage> {
  return eachInOrder(source, options, async (identity, image) => {
    const { name, bytes } = await source.load(identity, image);
    return { identity, image, name: name.split('/').at(-1)!, bytes };
  });
}

/** What `work` makes of each image, in order; work on the next ones goes on while one is in use. */
export async function* eachInOrder<T>(
  source: ImageSource,
  { onProgress, signal }: WriteOptions,
  work: (identity: number, image: number) => Promise<T>,
): AsyncGenerator<T> {
  const total = countImages(source).images;
  const waiting: Promise<T>[] = [];
  let done = 0;
  const next = async (): Promise<T> => {
    signal?.throwIfAborted();
    const one = await waiting.shift()!;
    onProgress?.({ done: ++done, total });
    return one;
  };
  for (let identity = 0; identity < source.identities; identity++) {
    for (let image = 0; image < source.imagesOf(identity); image++) {
      const one = work(identity, image);
      // It is awaited later; until then a failure is not unhandled.
      one.catch(() => undefined);
      waiting.push(one);
      if (waiting.length > AHEAD) yield await next();
    }
  }
  while (waiting.length > 0) yield await next();
}
