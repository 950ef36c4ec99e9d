import { check, createLimiter, type DrawnImage, type ImageSource, ProtomemError, readOptions } from '@protomem/core';
import { type Decode, decodeOptions } from '../decode-options.ts';

/** Why there is no image. */
export interface Unread {
  readonly name: string;
  readonly reason: string;
  /** Its bytes could not be had; else they are no image. */
  readonly missing: boolean;
}

/** A decoded image, or why there is none. */
export type ReadImage = DrawnImage | Unread;

/** Size of decoded images and what may be kept of them. */
export interface ReaderOptions {
  readonly height: number;
  readonly width: number;
  /** Bytes of decoded images to keep; 0 keeps none. */
  readonly cacheBytes: number;
  /** How often a read that failed is tried again. */
  readonly retries: number;
  /** Decode to the very pixels that other tools see. */
  readonly exact?: boolean;
}

/** Images of an identity that are tried before it counts as unreadable; it may have 2^53. */
export const IMAGES_TRIED = 64;

/** Before the first retry, ms; each later one waits four times as long. */
const FIRST_PAUSE = 100;

/** Images read at a time: keeps all decoding threads and a disk busy, and stays far below any limit on open files. */
const READS_AT_A_TIME = 16;

/**
 * Reads and decodes images of a source; rejects only for one that draws another size than it is asked for. An image that could not be read is tried again after a pause
 * or two, for network file systems, and then not before a later pass over the data. Keeps decoded images until its budget is full and then no more: with every image visited equally often, dropping one for another would
 * gain nothing.
 *
 * @returns a function of identity, image, number of the pass, and whether to retry; its `pixels` are `[height, width, 3]`
 * and must not be changed.
 */
export function createImageReader(
  source: ImageSource,
  { height, width, cacheBytes, retries, exact }: ReaderOptions,
  decode: Decode,
): (identity: number, image: number, pass: number, patient?: boolean) => Promise<ReadImage> {
  const settings = readOptions('loader', decodeOptions, { height, width, exact });
  const limit = createLimiter(READS_AT_A_TIME);
  // Images on their way, unreadable ones, and as many decoded ones as there is room for.
  const known = new Map<string, Promise<ReadImage>>();
  /** The pass in which an image could not be read. */
  const failedIn = new Map<string, number>();
  let room = cacheBytes;

  const read = async (identity: number, image: number): Promise<ReadImage & { readonly again?: boolean }> => {
    let name: string | undefined;
    try {
      if (source.draw) return await source.draw(identity, image, height, width);
      const { name: sourceName, bytes } = await source.load(identity, image);
      name = sourceName;
      return { name, pixels: await decode(bytes, { ...settings, name }) };
    } catch (error) {
      const reason = reasonOf(error);
      if (name !== undefined) return { name, reason, missing: false };
      name = `${source.name}#${source.identityName(identity)}/${image}`;
      // What a format finds wrong in its own bytes stays wrong.
      return { name, reason, missing: true, again: !(error instanceof ProtomemError) || error.cause !== undefined };
    }
  };

  const readWell = async (key: string, at: readonly [number, number], pass: number, tries: number) => {
    let done = await limit(() => read(...at));
    for (let i = 0; i < tries && done.again; i++) {
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE * 4 ** i));
      done = await limit(() => read(...at));
    }
    if ('reason' in done) {
      failedIn.set(key, pass);
      return { name: done.name, reason: done.reason, missing: done.missing };
    }
    const { name, pixels } = done;
    check(pixels.length === height * width * 3, () => ({
      where: 'loader',
      what: `${name}, as ${source.name} draws it,`,
      got: `${pixels.length} bytes`,
      expected: `${height} x ${width} x 3`,
    }));
    if (room >= done.pixels.length) room -= done.pixels.length;
    else known.delete(key);
    return done;
  };

  return (identity, image, pass, patient = true) => {
    const key = `${identity}/${image}`;
    const old = known.get(key);
    const failed = failedIn.get(key);
    if (old && (failed === undefined || failed === pass)) return old;
    failedIn.delete(key);
    const result = readWell(key, [identity, image], pass, patient ? retries : 0);
    known.set(key, result);
    return result;
  };
}

/** What lies at the bottom of an error: its own message repeats the image's name. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof ProtomemError && error.cause ? reasonOf(error.cause) : error.message.split('\n')[0]!;
}
