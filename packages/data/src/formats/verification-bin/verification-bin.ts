import { stat } from 'node:fs/promises';
import { check, type ImageSource, integer, ProtomemError } from '@protomem/core';
import { type ByteReader, openReader } from '../byte-reader.ts';
import { readRange } from '../packed-source.ts';
import { readPickle } from '../pickle/read-pickle.ts';
import {
  bytesOf,
  describeValue,
  fromLatin1,
  integerOf,
  isFlags,
  type PickleValue,
  readSpan,
} from '../pickle/values.ts';

/** Pairs of images that are of one person or not, as InsightFace keeps its verification sets. */
export interface VerificationBin {
  /** Path of the file. */
  readonly file: string;
  /** Number of pairs. */
  readonly pairs: number;
  /** Number of images: twice as many; pair p is images 2 p and 2 p + 1. */
  readonly images: number;
  /** By pair: 1 where both images are of one person, else 0. */
  readonly issame: Uint8Array;
  /** The bytes of an image file. */
  image(index: number): Promise<Uint8Array>;
  /**
   * The images as a source of which each "identity" is a pair, of two images: for {@link loadImages} and whatever embeds
   * images. It says nothing about who is on them, so it is none to train on.
   */
  readonly source: ImageSource;
}

/** Where the images of a file lie. */
export interface VerificationIndex {
  readonly issame: Uint8Array;
  /** By image. */
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  /** 1 where bytes are kept as text, as Python 3 does it with protocol 2. */
  readonly texts: Uint8Array;
}

/**
 * Instructions of the pickle that are read. For 100,000 pairs, the largest public sets, up to 40 an image are needed, which
 * stand between the images: a file that holds nothing else than instructions ends early.
 */
const mostInstructions = (size: number): number => Math.min(2 ** 23, Math.max(2 ** 16, Math.floor(size / 3)));

/**
 * Opens a verification set of InsightFace, such as `lfw.bin`, `cfp_fp.bin` or `agedb_30.bin`: a pickle of a list of image
 * files, two for each pair, and a list that says which pairs are of one person. Protocols 2 to 5 are read, those written
 * by Python 2, too; images are bytes or arrays of `uint8`. Of the file, only where images lie is kept, so it may be of any
 * size; nothing in it is executed (see {@link readPickle}).
 *
 * @throws {ProtomemError} with file and offset when something else is in it, or it was cut short.
 *
 * @example
 * ```ts
 * const bin = await readVerificationBin('lfw.bin');
 * const [a, b] = [await bin.image(0), await bin.image(1)];
 * console.log(bin.issame[0] ? 'one person' : 'two people');
 * ```
 *
 * Source: InsightFace, recognition/arcface_torch/eval/verification.py (`load_bin`).
 */
export async function readVerificationBin(path: string): Promise<VerificationBin> {
  const there = await stat(path).catch(() => undefined);
  check(there?.isFile() === true, () => ({
    where: 'readVerificationBin',
    what: path,
    got: there ? 'no file' : 'missing',
    expected: 'a verification set of InsightFace, such as lfw.bin',
  }));
  const reader = await openReader(path);
  const index = await indexVerificationBin(reader).finally(() => reader.close());
  const { issame, offsets, lengths, texts } = index;
  const pairs = issame.length;
  const image = async (i: number): Promise<Uint8Array> => {
    integer('VerificationBin.image', 'index', i, 0, 2 * pairs - 1);
    const bytes = await readRange(path, offsets[i]!, lengths[i]!, `${path}#${i}`);
    return texts[i] ? fromLatin1(bytes, path, offsets[i]!) : bytes;
  };
  return {
    file: path,
    pairs,
    images: 2 * pairs,
    issame,
    image,
    source: {
      name: path,
      identities: pairs,
      imagesOf: () => 2,
      identityName: (pair) => `pair ${pair + 1}`,
      load: async (pair, one) => ({ name: `${path}#${2 * pair + one}`, bytes: await image(2 * pair + one) }),
    },
  };
}

/** Finds the images of such a file. */
export async function indexVerificationBin(reader: ByteReader): Promise<VerificationIndex> {
  const { file, size } = reader;
  const { value } = await readPickle(reader, 0, size, mostInstructions(size));
  const [bins, flags, ...others] = Array.isArray(value) ? value : [];
  const expected = 'a list of images and a list of truth values';
  if (!Array.isArray(bins) || others.length > 0) refuse(file, 'what it holds', describeValue(bins), expected);
  const issame = await readFlags(reader, flags, bins.length / 2);
  check(issame.length > 0 && bins.length === 2 * issame.length, () => ({
    where: file,
    what: 'its lists',
    got: `${bins.length} images and ${issame.length} truth values`,
    expected: 'two images for each truth value, and one pair at least',
  }));
  const index = {
    issame,
    offsets: new Float64Array(bins.length),
    lengths: new Uint32Array(bins.length),
    texts: new Uint8Array(bins.length),
  };
  for (const [i, bin] of bins.entries()) {
    const span = bytesOf(bin);
    if (!span) refuse(file, `image ${i}`, describeValue(bin), 'bytes, or an array of uint8');
    index.offsets[i] = span.offset;
    index.lengths[i] = span.length;
    index.texts[i] = Number(span.kind === 'latin1');
  }
  return index;
}

async function readFlags(reader: ByteReader, flags: PickleValue | undefined, pairs: number): Promise<Uint8Array> {
  if (isFlags(flags) && flags.data.length !== pairs) {
    refuse(reader.file, 'its second list', `${flags.data.length} truth values`, `one for each of ${pairs} pairs`);
  }
  const values: readonly PickleValue[] | undefined = isFlags(flags)
    ? Array.from(await readSpan(reader, flags.data))
    : Array.isArray(flags)
      ? flags
      : undefined;
  if (!values) refuse(reader.file, 'its second list', describeValue(flags), 'a list of truth values');
  return Uint8Array.from(values, (value, i) => {
    const flag = integerOf(value);
    return flag === 0 || flag === 1 ? flag : refuse(reader.file, `pair ${i}`, describeValue(value), 'True or False');
  });
}

function refuse(where: string, what: string, got: string, expected: string): never {
  throw new ProtomemError({ where, what, got, expected });
}
