import { createHash } from 'node:crypto';
import { firstLineOf, type ImageSource, type OptionsOf, option, type ProtomemError, readOptions } from '@protomem/core';
import sharp from 'sharp';
import { decodeChecked } from '../decode.ts';
import { eachInOrder, writeOptions } from './each-image.ts';

/** An image by its place in a source. */
export interface ImagePlace {
  readonly identity: number;
  readonly image: number;
}

/** An image that is none. */
interface BrokenImage extends ImagePlace {
  readonly reason: string;
}

/** What {@link surveyImages} found. */
export interface Survey {
  readonly images: number;
  /** Bytes of all images that could be read. */
  readonly bytes: number;
  /** Images by format and size, as `jpeg 112x112`; the most frequent first. */
  readonly kinds: readonly { readonly kind: string; readonly images: number }[];
  /** Images that could not be read or decoded, and why. */
  readonly broken: readonly BrokenImage[];
  /** Images with the same bytes, two or more in a group. */
  readonly duplicates: readonly (readonly ImagePlace[])[];
}

const surveyOptions = {
  ...writeOptions,
  decode: option.flag({ help: 'Decode every pixel, not just the head of each image.', default: false }),
};

/**
 * Reads all images of a source once: sizes, broken ones, and those with the same bytes (by the first 64 bits of their
 * SHA-256: among 10 million different images a false pair has a chance of 3 in a million). Holds some 85 bytes an image.
 *
 * @example
 * ```ts
 * const { broken, duplicates } = await surveyImages(await openDataset('faces'), { decode: true });
 * ```
 */
export async function surveyImages(
  source: ImageSource,
  options: OptionsOf<typeof surveyOptions> = {},
): Promise<Survey> {
  const { decode, ...progress } = readOptions('surveyImages', surveyOptions, options);
  const kinds = new Map<string, number>();
  const broken: BrokenImage[] = [];
  const hashes: bigint[] = [];
  const places: ImagePlace[] = [];
  let images = 0;
  let bytes = 0;
  const look = async (identity: number, image: number) => {
    const loaded = await source.load(identity, image).catch((error: Error) => error);
    const place = { identity, image };
    if (loaded instanceof Error) return { place, reason: firstLineOf(loaded) };
    const hash = createHash('sha256').update(loaded.bytes).digest().readBigUInt64LE(0);
    return { place, hash, size: loaded.bytes.length, ...(await kindOf(loaded.bytes, decode)) };
  };
  for await (const { place, hash, size, kind, reason } of eachInOrder<Look>(source, progress, look)) {
    images++;
    if (reason !== undefined) broken.push({ ...place, reason });
    if (kind !== undefined) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (hash === undefined) continue;
    bytes += size!;
    hashes.push(hash);
    places.push(place);
  }
  return {
    images,
    bytes,
    kinds: [...kinds].map(([kind, images]) => ({ kind, images })).sort((a, b) => b.images - a.images),
    broken,
    duplicates: groupsOf(BigUint64Array.from(hashes)).map((group) => group.map((i) => places[i]!)),
  };
}

/** What became of one image. */
interface Look {
  readonly place: ImagePlace;
  /** Of those that could be read. */
  readonly hash?: bigint;
  readonly size?: number;
  readonly kind?: string;
  /** Why it is broken. */
  readonly reason?: string;
}

/** Larger images are broken. */
const MAX_PIXELS = 1e8;

async function kindOf(bytes: Uint8Array, decode: boolean): Promise<Pick<Look, 'kind' | 'reason'>> {
  try {
    const image = sharp(bytes, { failOn: 'truncated', limitInputPixels: MAX_PIXELS });
    const { format, width, height } = await image.metadata();
    // As a loader does it, so that what is whole here is whole there.
    if (decode) await decodeChecked(bytes, { height, width, name: 'image', exact: true, maxPixels: MAX_PIXELS });
    return { kind: `${format} ${width}x${height}` };
  } catch (error) {
    const { cause } = error as Error;
    return { reason: firstLineOf(cause ?? (error as ProtomemError).parts?.got ?? error) };
  }
}

/** Positions of values that occur more than once, by value. */
function groupsOf(values: BigUint64Array): number[][] {
  const sorted = values.slice().sort();
  const repeated = new Map<bigint, number[]>();
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) repeated.set(sorted[i]!, []);
  for (const [i, value] of values.entries()) repeated.get(value)?.push(i);
  return [...repeated.values()];
}
