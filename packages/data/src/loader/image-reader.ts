import { type DrawnImage, type ImageSource, ProtomemError, readOptions } from '@protomem/core';
import { decodeChecked, decodeOptions } from '../decode.ts';
import { createLimiter } from './limiter.ts';

/** A decoded image, or why there is none. */
export type ReadImage = DrawnImage | { readonly name: string; readonly reason: string };

/** Size of decoded images and what may be kept of them. */
export interface ReaderOptions {
  readonly height: number;
  readonly width: number;
  /** Bytes of decoded images to keep; 0 keeps none. */
  readonly cacheBytes: number;
  /** Decode to the very pixels that other tools see. */
  readonly exact?: boolean;
}

/** Images read at a time: keeps all decoding threads and a disk busy, and stays far below any limit on open files. */
const READS_AT_A_TIME = 16;

/**
 * Reads and decodes images of a source, never rejects, and never tries an unreadable one twice. Keeps decoded images
 * until its budget is full and then no more: with every image visited equally often, dropping one for another would
 * gain nothing.
 *
 * @returns a function whose `pixels` are `[height, width, 3]` and must not be changed.
 */
export function createImageReader(
  source: ImageSource,
  { height, width, cacheBytes, exact }: ReaderOptions,
): (identity: number, image: number) => Promise<ReadImage> {
  const settings = readOptions('loader', decodeOptions, { height, width, exact });
  const limit = createLimiter(READS_AT_A_TIME);
  // Images on their way, unreadable ones, and as many decoded ones as there is room for.
  const known = new Map<string, Promise<ReadImage>>();
  let room = cacheBytes;

  const read = async (identity: number, image: number): Promise<ReadImage> => {
    let name: string | undefined;
    try {
      if (source.draw) return await source.draw(identity, image, height, width);
      const { name: sourceName, bytes } = await source.load(identity, image);
      name = sourceName;
      return { name, pixels: await decodeChecked(bytes, { ...settings, name }) };
    } catch (error) {
      return { name: name ?? `${source.name}#${source.identityName(identity)}/${image}`, reason: reasonOf(error) };
    }
  };

  return (identity, image) => {
    const key = `${identity}/${image}`;
    const old = known.get(key);
    if (old) return old;
    const result = limit(async () => {
      const done = await read(identity, image);
      if ('pixels' in done) {
        if (room >= done.pixels.length) room -= done.pixels.length;
        else known.delete(key);
      }
      return done;
    });
    known.set(key, result);
    return result;
  };
}

/** What lies at the bottom of an error: its own message repeats the image's name. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof ProtomemError && error.cause ? reasonOf(error.cause) : error.message.split('\n')[0]!;
}
