import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ImageSource, ProtomemError, type SourceImage } from '@protomem/core';
import type { Encoder } from '@protomem/core/contracts';
import { decodeImage, drawPairs, readLfwPairs, readVerificationBin, syntheticFaces } from '@protomem/data';
import { type FoldSplit, pairScores, type VerificationReport, verificationReport } from '@protomem/evaluation';
import * as tf from '@tensorflow/tfjs';
import type { RunConfig } from './config.ts';

/** Pairs of images of people who are not in the training set. */
export interface PairSet {
  /** The protocol by its full name. */
  readonly protocol: string;
  readonly names: readonly string[];
  /** RGB of each image, `[side, side, 3]`. */
  readonly pixels: readonly Uint8Array[];
  readonly side: number;
  /** Two positions in `pixels` for each pair. */
  readonly pairs: Int32Array;
  /** 1 for the same person. */
  readonly labels: Uint8Array;
  readonly split: FoldSplit;
}

/** Loads and decodes the pairs of a configuration, once for a run. */
export async function loadPairs(config: RunConfig): Promise<PairSet> {
  const { pairs } = config.evaluation;
  const side = config.encoder.inputSize;
  if (pairs.kind === 'lfw') {
    const dir = pairs.dir ?? (config.data.kind === 'dataset' ? config.data.path : undefined);
    if (dir === undefined) {
      throw new ProtomemError({
        where: 'evaluation.pairs',
        what: 'dir',
        got: 'null',
        expected: 'the folder of the images that the list names, since the training data has no path',
      });
    }
    return lfwPairs(dir, pairs.file, side);
  }
  if (pairs.kind === 'bin') return binPairs(pairs.file, side);
  const variation = config.data.kind === 'synthetic' ? config.data.variation : 1;
  const seed = config.data.kind === 'synthetic' ? config.data.seed : config.seed;
  const firstIdentity = config.data.kind === 'synthetic' ? config.data.identities : 0;
  const { identities, imagesPerIdentity, count } = pairs;
  const faces = syntheticFaces({ identities, imagesPerIdentity, variation, seed, firstIdentity, size: side });
  return syntheticPairs(faces, imagesPerIdentity, count, side);
}

async function lfwPairs(dir: string, file: string, side: number): Promise<PairSet> {
  const list = (await readLfwPairs(file)).pairs;
  const rows = new Map<string, number>();
  const row = (name: string): number => {
    if (!rows.has(name)) rows.set(name, rows.size);
    return rows.get(name)!;
  };
  const pairs = Int32Array.from(list.flatMap(({ a, b }) => [row(a), row(b)]));
  const names = [...rows.keys()];
  return {
    protocol: `${basename(file)}, trained on everybody else in ${basename(dir)}`,
    names,
    pixels: await decodeAll(names, side, (i) => readFile(join(dir, names[i]!))),
    side,
    pairs,
    labels: Uint8Array.from(list, ({ same }) => Number(same)),
    split: 'interleaved',
  };
}

/** An image that stands in several pairs, as most of LFW's do, is decoded and embedded once. */
async function binPairs(file: string, side: number): Promise<PairSet> {
  const bin = await readVerificationBin(file);
  const rows = new Map<string, number>();
  const images: number[] = [];
  const pairs = new Int32Array(bin.images);
  for (let i = 0; i < bin.images; i++) {
    const digest = createHash('sha256')
      .update(await bin.image(i))
      .digest('base64');
    const row = rows.get(digest) ?? images.push(i) - 1;
    rows.set(digest, row);
    pairs[i] = row;
  }
  const names = images.map((i) => `${file}#${i}`);
  return {
    protocol: `${basename(file)}, ${bin.pairs} pairs in folds as they are listed`,
    names,
    pixels: await decodeAll(names, side, (row) => bin.image(images[row]!)),
    side,
    pairs,
    labels: bin.issame,
    split: 'contiguous',
  };
}

async function syntheticPairs(source: ImageSource, perIdentity: number, count: number, side: number): Promise<PairSet> {
  const { identities } = source;
  const row = ([identity, image]: readonly [number, number]): number => identity * perIdentity + image;
  const drawn = drawPairs(source, { people: identities, pairs: count, seed: count });
  const images = await Promise.all(
    Array.from({ length: identities * perIdentity }, (_, i) =>
      source.load(Math.floor(i / perIdentity), i % perIdentity),
    ),
  );
  const names = images.map(({ name }) => name);
  return {
    protocol: `${count} + ${count} pairs of ${identities} synthetic people never seen in training`,
    names,
    pixels: await decodeAll(names, side, async (i) => (images[i] as SourceImage).bytes),
    side,
    pairs: Int32Array.from(drawn.flatMap(({ a, b }) => [row(a), row(b)])),
    labels: Uint8Array.from(drawn, ({ same }) => Number(same)),
    split: 'interleaved',
  };
}

function decodeAll(
  names: readonly string[],
  side: number,
  read: (index: number) => Promise<Uint8Array>,
): Promise<Uint8Array[]> {
  return Promise.all(
    names.map(async (name, i) => {
      const bytes = await read(i).catch((error: Error) => {
        throw new ProtomemError(
          {
            where: 'evaluation.pairs',
            what: name,
            got: error.message,
            expected: 'an image that can be read',
            fix: 'A pair list is evaluated whole or not at all: check that --data holds the images of this list.',
          },
          { cause: error },
        );
      });
      return decodeImage(bytes, { height: side, width: side, name });
    }),
  );
}

/** Every measure over a list of pairs, and the score of each. */
export async function verifyPairs(
  encoder: Encoder,
  set: PairSet,
  batch: number,
): Promise<VerificationReport & { readonly pairScores: Float64Array }> {
  const scores = await scorePairs(encoder, set, batch);
  // Short lists have fewer pairs of a kind than the usual ten folds.
  const same = set.labels.reduce((sum, label) => sum + label, 0);
  const folds = Math.min(10, same, set.labels.length - same);
  return { ...verificationReport(scores, set.labels, { split: set.split, folds }), pairScores: scores };
}

/**
 * Cosines of all pairs; an embedding is the sum of those of an image and of its mirror image.
 *
 * @returns one score a pair.
 */
async function scorePairs(encoder: Encoder, set: PairSet, batch: number): Promise<Float64Array> {
  const dimension = encoder.card.embeddingSize;
  const embeddings = new Float32Array(set.pixels.length * dimension);
  const imageSize = set.side * set.side * 3;
  for (let start = 0; start < set.pixels.length; start += batch) {
    const chunk = set.pixels.slice(start, start + batch);
    const bytes = new Uint8Array(chunk.length * imageSize);
    for (const [i, pixels] of chunk.entries()) bytes.set(pixels, i * imageSize);
    const sum = tf.tidy(() => {
      const images = tf.tensor4d(bytes, [chunk.length, set.side, set.side, 3], 'float32');
      return tf.add(encoder.apply(images), encoder.apply(tf.reverse(images, 2)));
    });
    embeddings.set(await sum.data<'float32'>(), start * dimension);
    sum.dispose();
  }
  return pairScores(embeddings, dimension, set.pairs);
}
