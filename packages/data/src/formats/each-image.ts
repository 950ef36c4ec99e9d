import type { ImageSource } from '@protomem/core';

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
export interface WriteOptions {
  /** Called after each image. */
  readonly onProgress?: (progress: Progress) => void;
}

/** Images loaded while those before them are in use. */
const AHEAD = 16;

/** All images of a source in order, the next ones loading meanwhile. Rejects where one cannot be read. */
export async function* eachImage(source: ImageSource, options: WriteOptions = {}): AsyncGenerator<NamedImage> {
  const total = countImages(source);
  const waiting: Promise<NamedImage>[] = [];
  const load = async (identity: number, image: number): Promise<NamedImage> => {
    const { name, bytes } = await source.load(identity, image);
    return { identity, image, name: name.split('/').at(-1)!, bytes };
  };
  let done = 0;
  const next = async (): Promise<NamedImage> => {
    const one = await waiting.shift()!;
    options.onProgress?.({ done: ++done, total });
    return one;
  };
  for (let identity = 0; identity < source.identities; identity++) {
    for (let image = 0; image < source.imagesOf(identity); image++) {
      const one = load(identity, image);
      // It is awaited later; until then a failure is not unhandled.
      one.catch(() => undefined);
      waiting.push(one);
      if (waiting.length > AHEAD) yield await next();
    }
  }
  while (waiting.length > 0) yield await next();
}

export function countImages(source: ImageSource): number {
  let images = 0;
  for (let identity = 0; identity < source.identities; identity++) images += source.imagesOf(identity);
  return images;
}
