import { basename } from 'node:path';
import { createLimiter, type ImageSource, ProtomemError } from '@protomem/core';
import type { Encoder } from '@protomem/core/contracts';
import { decodeImage, drawPairs } from '@protomem/data';
import { collective, LONG_WAIT_SECONDS } from '@protomem/engine';
import {
  type FoldSplit,
  foldsFor,
  pairScores,
  type VerificationReport,
  verificationReport,
} from '@protomem/evaluation';
import { binFaces, embedPixels, listFaces, type PairFaces } from '@protomem/protocols';
import { syntheticFaces } from '@protomem/synthetic';
import * as tf from '@tensorflow/tfjs';
import { openData } from './compose.ts';
import { facesOfPairs, type Known } from './faces-of-pairs.ts';
import { heldOut, heldOutPairs } from './held-out.ts';
import { findKnown, type KnownResult } from './known.ts';
import { withEnoughImages } from './leave-out-tested.ts';
import { knownPeople } from './other-images.ts';
import { readPairList } from './read-pair-list.ts';
import type { RunConfig, RunDraft } from './run-schema.ts';

/** Pairs of images of people who are not in the training set. */
export interface PairSet {
  /** The protocol by its full name. */
  readonly protocol: string;
  readonly names: readonly string[];
  /** RGB of each image, `[side, side, 3]`. */
  pixels(): Promise<readonly Uint8Array[]>;
  readonly side: number;
  /** Two positions in `pixels` for each pair. */
  readonly pairs: Int32Array;
  /** 1 for the same person. */
  readonly labels: Uint8Array;
  readonly split: FoldSplit;
  readonly folds: number;
  readonly known?: Known;
}

/** The pairs of a configuration before anything of them has been decoded. */
interface ListedPairs extends PairFaces {
  readonly protocol: string;
  readonly known?: Known;
  readonly split: FoldSplit;
}

/**
 * Loads the pairs of a configuration, once for a run, and decodes their images.
 *
 * @param data all of the run's own, where it is open already
 */
export async function loadPairs(config: RunConfig, data?: ImageSource): Promise<PairSet> {
  const side = config.encoder.inputSize;
  const { protocol, faces, pairs, labels, split, known } = await listPairs(config, data);
  const folds = foldsFor(labels);
  // Files are read before anything is trained, as they may be refused; drawing cannot fail, and waits for the first test.
  let decoded: Promise<Uint8Array[]> | undefined;
  const pixels = () => {
    decoded ??= decodeAll(faces, side);
    return decoded;
  };
  if (!faces.source.draw) await pixels();
  return { protocol, names: faces.names, pixels, side, pairs, labels, split, folds, known };
}

/** @param data all of the run's own, where it is open already */
export async function listPairs(config: RunDraft, data?: ImageSource): Promise<ListedPairs> {
  const { pairs } = config.evaluation;
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
    // Where nobody was found there, `leaveOutTested` says so.
    const others = config.data.kind === 'dataset' && !config.evaluation.allowUnmatched;
    const rest = others ? `, trained on everybody else in ${basename(config.data.path)}` : '';
    const protocol = `${basename(pairs.file)}${rest}`;
    return { ...listFaces(dir, await readPairList(pairs.file)), protocol, split: 'interleaved' };
  }
  if (pairs.kind === 'bin') {
    const listed = await binFaces(pairs.file);
    const protocol = `${basename(pairs.file)}, ${listed.labels.length} pairs in folds as they are listed`;
    return { ...listed, protocol, split: 'contiguous' };
  }
  if (pairs.kind === 'held-out') {
    const tested = heldOut(data ?? (await openData(config)), pairs);
    const { pairs: drawn, unreadable } = await heldOutPairs(tested, pairs);
    const same = drawn.filter((pair) => pair.same).length;
    const left = unreadable > 0 ? `; ${unreadable} pairs left out, with images that cannot be read` : '';
    const protocol = `${same} + ${drawn.length - same} pairs of ${tested.identities} people kept out of training${left}`;
    return { protocol, ...facesOfPairs(drawn, tested), split: 'interleaved' };
  }
  if (pairs.kind === 'other-images') {
    const all = data ?? (await openData(config));
    const { references, tested, unreadable } = await knownPeople(withEnoughImages(config, all), pairs);
    const { pairs: drawn } = await heldOutPairs(tested, pairs);
    const same = drawn.filter((pair) => pair.same).length;
    const left = unreadable > 0 ? `; ${unreadable} images left out that cannot be read` : '';
    const protocol = `${same} + ${drawn.length - same} pairs of images that were not trained on, of ${tested.identities} people who were${left}`;
    return { protocol, ...facesOfPairs(drawn, tested, references), split: 'interleaved' };
  }
  return syntheticPairs(config, pairs);
}

type SyntheticPairs = Extract<RunConfig['evaluation']['pairs'], { kind: 'synthetic' }>;

function syntheticPairs(
  { data, seed, encoder }: RunDraft,
  { identities, imagesPerIdentity, count }: SyntheticPairs,
): ListedPairs {
  const people = syntheticFaces({
    identities,
    imagesPerIdentity,
    variation: data.kind === 'synthetic' ? data.variation : 1,
    seed: data.kind === 'synthetic' ? data.seed : seed,
    firstIdentity: data.kind === 'synthetic' ? data.identities : 0,
    size: encoder.inputSize,
  });
  const drawn = drawPairs(people, { people: identities, pairs: count, seed: count });
  return {
    protocol: `${count} + ${count} pairs of ${identities} synthetic people never seen in training`,
    ...facesOfPairs(drawn, people),
    split: 'interleaved',
  };
}

/** Images that are open at a time: a process may not open all of a long list. */
const DECODED_AT_A_TIME = 16;

function decodeAll({ names, source }: PairFaces['faces'], side: number): Promise<Uint8Array[]> {
  const decode = async (row: number): Promise<Uint8Array> => {
    if (source.draw) return (await source.draw(row, 0, side, side)).pixels;
    const name = names[row]!;
    const { bytes } = await source.load(row, 0).catch((error: Error) => {
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
    return decodeImage(bytes, { height: side, width: side, name, exact: true });
  };
  const limit = createLimiter(DECODED_AT_A_TIME);
  return Promise.all(names.map((_, row) => limit(() => decode(row))));
}

/** What {@link verifyPairs} finds. */
export interface Verified extends VerificationReport {
  readonly pairScores: Float64Array;
  /** How people are found, and thresholds, which take a while; of sets in which people are known by other images. */
  readonly findKnown?: () => Promise<KnownResult>;
}

/**
 * Every measure over a list of pairs, and the score of each. Thresholds are all that make a difference: early in training,
 * scores lie closer together than the steps of any tool. Several processes share the images; rank 0 measures.
 *
 * @returns undefined on other ranks
 */
export async function verifyPairs(encoder: Encoder, set: PairSet, batch: number): Promise<Verified | undefined> {
  const { known } = set;
  const dimension = encoder.card.embeddingSize;
  const embeddings = await embedAll(encoder, set, batch);
  if (collective().rank > 0) return undefined;
  const scores = pairScores(embeddings, dimension, set.pairs);
  return {
    ...verificationReport(scores, set.labels, { split: set.split, folds: set.folds, thresholdRule: 'exact' }),
    pairScores: scores,
    ...(known && { findKnown: () => findKnown(embeddings, dimension, known) }),
  };
}

/** An embedding of each image, which is the sum of those of it and of its mirror image; on all ranks. */
async function embedAll(encoder: Encoder, set: PairSet, batch: number): Promise<Float32Array> {
  const dimension = encoder.card.embeddingSize;
  const all = await set.pixels();
  const embeddings = new Float32Array(all.length * dimension);
  const imageSize = set.side * set.side * 3;
  const { rank, size, allReduce, barrier } = collective();
  for (let start = rank * batch; start < all.length; start += size * batch) {
    const chunk = all.slice(start, start + batch);
    const bytes = new Uint8Array(chunk.length * imageSize);
    for (const [i, pixels] of chunk.entries()) bytes.set(pixels, i * imageSize);
    embeddings.set(await embedPixels(encoder, bytes, chunk.length, true), start * dimension);
  }
  if (size === 1) return embeddings;
  barrier(LONG_WAIT_SECONDS);
  const own = tf.tensor1d(embeddings);
  const [sum] = allReduce([own], 'sum');
  embeddings.set(sum!.dataSync<'float32'>());
  tf.dispose([own, sum!]);
  return embeddings;
}
