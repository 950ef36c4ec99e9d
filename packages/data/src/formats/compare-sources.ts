import { firstLineOf, type ImageSource, readOptions } from '@protomem/core';
import sharp, { type OutputInfo } from 'sharp';
import { eachInOrder, type WriteOptions, writeOptions } from './each-image.ts';

/** Whether two sources train alike. */
export interface Comparison {
  /** Images that both have. */
  readonly images: number;
  /** Of these, with equal bytes; the others have equal pixels. */
  readonly sameBytes: number;
  /** What differs, in words; at most 100. Empty: nothing. */
  readonly differences: readonly string[];
}

const TOLD = 100;

/**
 * Compares two sources image by image: number of identities, images of each, bytes, and where bytes differ, pixels.
 * Identities are compared by number, as training sees them. Names are not, since some formats have none.
 *
 * @example
 * ```ts
 * const { differences } = await compareSources(await openDataset('faces'), await openDataset('faces-rec'));
 * ```
 */
export async function compareSources(
  one: ImageSource,
  other: ImageSource,
  options: WriteOptions = {},
): Promise<Comparison> {
  const progress = readOptions('compareSources', writeOptions, options);
  const differences: string[] = [];
  const tell = (difference: string): void => {
    if (differences.length < TOLD) differences.push(difference);
  };
  if (one.identities !== other.identities) {
    tell(`${one.identities} identities in ${one.name}, ${other.identities} in ${other.name}`);
  }
  const both = Math.min(one.identities, other.identities);
  const nameOf = (identity: number): string => `identity ${identity} (${one.identityName(identity)})`;
  for (let identity = 0; identity < both; identity++) {
    const [a, b] = [one.imagesOf(identity), other.imagesOf(identity)];
    if (a !== b) tell(`${nameOf(identity)}: ${a} image(s) in ${one.name}, ${b} in ${other.name}`);
  }
  let images = 0;
  let sameBytes = 0;
  const compare = async (identity: number, image: number): Promise<'missing' | 'bytes' | 'pixels' | 'neither'> => {
    if (identity >= both || image >= other.imagesOf(identity)) return 'missing';
    const [a, b] = await Promise.all([one.load(identity, image), other.load(identity, image)]);
    if (Buffer.compare(a.bytes, b.bytes) === 0) return 'bytes';
    const same = await samePixels(a.bytes, b.bytes).catch((error: unknown) => firstLineOf(error));
    if (same === true) return 'pixels';
    const difference =
      same === false
        ? `other pixels in ${other.name}`
        : `other bytes in ${other.name}, and one of both is no image (${same})`;
    tell(`${nameOf(identity)}, image ${image}: ${difference}`);
    return 'neither';
  };
  for await (const equal of eachInOrder(one, progress, compare)) {
    if (equal !== 'missing') images++;
    if (equal === 'bytes') sameBytes++;
  }
  return { images, sameBytes, differences };
}

async function samePixels(a: Uint8Array, b: Uint8Array): Promise<boolean> {
  const [x, y] = await Promise.all(
    [a, b].map((bytes) =>
      sharp(bytes, { failOn: 'truncated', limitInputPixels: 1e8 }).raw().toBuffer({ resolveWithObject: true }),
    ),
  );
  const shape = ({ width, height, channels }: OutputInfo): string => `${width} ${height} ${channels}`;
  return shape(x!.info) === shape(y!.info) && x!.data.equals(y!.data);
}
