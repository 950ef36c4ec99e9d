import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageSource, ProtomemError } from '@protomem/core';
import {
  fileSource,
  noisyRows,
  openDataset,
  type PairList,
  readCfpPairs,
  readIjbFaces,
  readIjbMembers,
  readIjbPairs,
  readIjbSubjects,
  readLfwPairs,
  readMegaFaceList,
  readMegaFaceNoises,
  readTwoLinePairs,
} from '@protomem/data';
import {
  holdOut,
  identifyMerged,
  identifySeparately,
  megaFace,
  pairScores,
  poolTemplates,
  retrieval,
  type Subjects,
  type ThresholdRuleName,
  tarAtFars,
  templatePairScores,
  templateRows,
} from '@protomem/evaluation';
import { alignedFaces } from './aligned-faces.ts';
import { binFaces } from './bin-faces.ts';
import type { Embedder, Faces } from './embed-faces.ts';
import { listFaces, numbering, type PairFaces } from './list-faces.ts';
import { normalizeRows } from './models/embedding-model.ts';
import type { IdentificationOutcome, MegaFaceOutcome, Outcome, PairOutcome, RetrievalOutcome } from './outcome.ts';
import { tensorProduct } from './tensor-product.ts';

export interface ProtocolOptions {
  /** Folder of the images. */
  readonly images?: string | undefined;
  /** The protocol's list. */
  readonly list?: string | undefined;
  /** View 1: the list that the threshold is chosen on. */
  readonly development?: string | undefined;
  /** IJB: folder of the meta files. */
  readonly meta?: string | undefined;
  /** IJB: images are faces on the template already. */
  readonly aligned: boolean;
  /** MegaFace: list of distractors, and their folder. */
  readonly distractors?: string | undefined;
  readonly 'distractor-images'?: string | undefined;
  readonly noises?: string | undefined;
  readonly 'distractor-noises'?: string | undefined;
  readonly thresholdRule: ThresholdRuleName;
}

export interface Protocol {
  readonly title: string;
  readonly about: string;
  /** Options without which it cannot begin. */
  readonly needs: readonly (keyof ProtocolOptions)[];
  run(embedder: Embedder, options: ProtocolOptions): Promise<Outcome>;
}

const usualFars = [1e-1, 1e-2, 1e-3, 1e-4];
const ijbFars = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

export const protocols: Readonly<Record<string, Protocol>> = {
  lfw: {
    title: 'LFW View 2',
    about: 'ten folds of a pair list such as pairs.txt',
    needs: ['images', 'list'],
    run: async (embedder, { images, list }) => pairsOf(embedder, images!, await readLfwPairs(list!), 'contiguous'),
  },
  'lfw-view1': {
    title: 'LFW View 1',
    about: 'pairsDevTest.txt at the threshold of pairsDevTrain.txt',
    needs: ['images', 'list', 'development'],
    async run(embedder, { images, list, development, thresholdRule }) {
      const train = await pairsOf(embedder, images!, await readLfwPairs(development!), 'interleaved');
      const test = await pairsOf(embedder, images!, await readLfwPairs(list!), 'interleaved');
      return { ...test, holdOut: holdOut(train, test, { thresholdRule }) };
    },
  },
  pairs: {
    title: 'Pair list',
    about: 'any list of pairs (LFW form, or path, path, 0|1), dealt into ten folds',
    needs: ['images', 'list'],
    run: async (embedder, { images, list }) => pairsOf(embedder, images!, await readLfwPairs(list!), 'interleaved'),
  },
  'cfp-fp': {
    title: 'CFP-FP',
    about: 'frontal with profile; images: the folder that holds Protocol and Data',
    needs: ['images'],
    run: async (embedder, { images }) => pairsOf(embedder, images!, await readCfpPairs(images!, 'FP'), 'contiguous'),
  },
  'cfp-ff': {
    title: 'CFP-FF',
    about: 'frontal with frontal',
    needs: ['images'],
    run: async (embedder, { images }) => pairsOf(embedder, images!, await readCfpPairs(images!, 'FF'), 'contiguous'),
  },
  'two-line': {
    title: 'Two-line pair list',
    about: 'pairs_CALFW.txt, pairs_CPLFW.txt: two lines a pair',
    needs: ['images', 'list'],
    run: async (embedder, { images, list }) => pairsOf(embedder, images!, await readTwoLinePairs(list!), 'contiguous'),
  },
  bin: {
    title: 'Verification file',
    about: "InsightFace's .bin: lfw, cfp_fp, agedb_30, calfw, cplfw, ...",
    needs: ['list'],
    run: async (embedder, { list }) => scorePairFaces(embedder, await binFaces(list!), 'contiguous'),
  },
  'ijb-1:1': {
    title: 'IJB 1:1',
    about: 'template pairs of IJB-B or IJB-C; meta: the folder of ijbc_face_tid_mid.txt',
    needs: ['meta'],
    run: ijbVerification,
  },
  'ijb-1:n': {
    title: 'IJB 1:N',
    about: 'probes against both galleries, by both conventions',
    needs: ['meta'],
    run: ijbIdentification,
  },
  megaface: {
    title: 'MegaFace',
    about: 'probes among distractors, with and without noisy images',
    needs: ['images', 'list', 'distractors'],
    run: megaFaceRanks,
  },
  retrieval: {
    title: 'Retrieval',
    about: 'nearest images of a data set of any format: recall@k, MAP@R',
    needs: ['images'],
    run: datasetRetrieval,
  },
};

/** Scores pairs of images. */
export async function scorePairFaces(
  embedder: Embedder,
  { faces, pairs, labels, people }: PairFaces,
  split: 'contiguous' | 'interleaved',
  folds = 10,
): Promise<PairOutcome> {
  const { values, width } = await embedder.embed(faces);
  return {
    kind: 'pairs',
    scores: pairScores(values, width, pairs),
    labels,
    faces: { list: faces, pairs },
    ...(people ? { people } : {}),
    split,
    folds,
    fars: usualFars,
  };
}

/** Scores a pair list whose paths lie below a folder. */
function pairsOf(
  embedder: Embedder,
  folder: string,
  list: PairList,
  split: 'contiguous' | 'interleaved',
): Promise<PairOutcome> {
  return scorePairFaces(embedder, listFaces(folder, list), split, list.folds > 1 ? list.folds : 10);
}

/** Templates of all images that IJB's list names. */
async function ijbTemplates(embedder: Embedder, options: ProtocolOptions) {
  const meta = options.meta!;
  const members = await readIjbMembers(await metaFile(meta, /_face_tid_mid\.txt$/));
  const detected = await readIjbFaces(await metaFile(meta, /_name_5pts_score\.txt$/));
  const placeOf = new Map(detected.images.map((name, i) => [name, i]));
  const names = [...new Set(members.images)];
  const places = names.map((name) => {
    const place = placeOf.get(name);
    if (place !== undefined) return place;
    const expected = 'landmarks of every image that is in a template';
    throw new ProtomemError({ where: meta, what: name, got: 'without a line in *_name_5pts_score.txt', expected });
  });
  const source = alignedFaces(options.images, names, options.aligned ? undefined : { detected, places });
  const { values, width } = await embedder.embed({ names, source });
  const rowOf = new Map(names.map((name, row) => [name, row]));
  const rows = members.images.map((name) => rowOf.get(name)!);
  const embeddings = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) embeddings.set(values.subarray(row * width, (row + 1) * width), i * width);
  const detectorScores = rows.map((row) => detected.scores[places[row]!]!);
  return { templates: poolTemplates(embeddings, width, members, { detectorScores }), width };
}

async function ijbVerification(embedder: Embedder, options: ProtocolOptions): Promise<PairOutcome> {
  const list = await readIjbPairs(await metaFile(options.meta!, /_template_pair_label\.txt$/));
  const { templates } = await ijbTemplates(embedder, options);
  const scores = templatePairScores(templates, list.pairs);
  return {
    kind: 'pairs',
    scores,
    labels: list.labels,
    folds: 10,
    fars: ijbFars,
    nearest: tarAtFars(scores, list.labels, ijbFars, { rule: 'nearest' }),
  };
}

async function ijbIdentification(embedder: Embedder, options: ProtocolOptions): Promise<IdentificationOutcome> {
  const meta = options.meta!;
  const lists = {
    galleries: [
      await readIjbSubjects(await metaFile(meta, /_1N_gallery_[GS]1\.csv$/)),
      await readIjbSubjects(await metaFile(meta, /_1N_gallery_[GS]2\.csv$/)),
    ],
    probes: await readIjbSubjects(await metaFile(meta, /_1N_probe_mixed\.csv$/)),
  };
  const { templates, width } = await ijbTemplates(embedder, options);
  const subjectsOf = ({ templates: ids, subjects }: (typeof lists)['probes']): Subjects => {
    const rows = templateRows(templates, ids, 'ijb-1:n');
    const features = new Float32Array(rows.length * width);
    for (const [i, row] of rows.entries()) {
      features.set(templates.features.subarray(row * width, (row + 1) * width), i * width);
    }
    return { features, subjects };
  };
  const [probes, galleries] = [subjectsOf(lists.probes), lists.galleries.map(subjectsOf)];
  const product = tensorProduct;
  return {
    kind: 'identification',
    results: [
      await identifySeparately(probes, galleries, width, { product }),
      await identifyMerged(probes, galleries, width, { product }),
    ],
  };
}

async function megaFaceRanks(embedder: Embedder, options: ProtocolOptions): Promise<MegaFaceOutcome> {
  const list = await readMegaFaceList(options.list!);
  const others = await readMegaFaceList(options.distractors!);
  const embed = async (folder: string, images: readonly string[]) => {
    const faces: Faces = { names: images, source: fileSource(images.map((image) => join(folder, image))) };
    const { values, width } = await embedder.embed(faces);
    return { features: normalizeRows(values, width), width };
  };
  const { features, width } = await embed(options.images!, list.images);
  const distractors = await embed(options['distractor-images'] ?? options.images!, others.images);
  const numbers = numbering();
  const people = list.people.map((name) => numbers.of(name));
  const [noises, otherNoises] = [options.noises, options['distractor-noises']];
  const noisyProbes = noises ? noisyRows(list.images, await readMegaFaceNoises(noises)) : [];
  const noisyDistractors = otherNoises ? noisyRows(others.images, await readMegaFaceNoises(otherNoises)) : [];
  const ranks = [1, 10, 100].filter((rank) => rank <= others.images.length - noisyDistractors.length);
  const run = (noise: object) =>
    megaFace({ features, people }, distractors.features, width, { ranks, product: tensorProduct, ...noise });
  return {
    kind: 'megaface',
    raw: await run({}),
    ...(noises || otherNoises ? { clean: await run({ noisyProbes, noisyDistractors }) } : {}),
  };
}

async function datasetRetrieval(embedder: Embedder, { images }: ProtocolOptions): Promise<RetrievalOutcome> {
  const source = await openDataset(images!);
  const places: { readonly identity: number; readonly image: number }[] = [];
  for (let identity = 0; identity < source.identities; identity++) {
    for (let image = 0; image < source.imagesOf(identity); image++) places.push({ identity, image });
  }
  const each: ImageSource = {
    name: source.name,
    identities: places.length,
    imagesOf: () => 1,
    identityName: (i) => source.identityName(places[i]!.identity),
    load: (i) => source.load(places[i]!.identity, places[i]!.image),
  };
  const names: string[] = [];
  // Only the source itself knows what its images are called, and only when it loads them.
  if (embedder.byName) for (const { identity, image } of places) names.push((await source.load(identity, image)).name);
  const { values, width } = await embedder.embed({ names, source: each });
  const people = places.map(({ identity }) => identity);
  const queries = { features: normalizeRows(values, width), people };
  return {
    kind: 'retrieval',
    result: await retrieval(queries, width, undefined, { ks: [1, 5, 10, 20], product: tensorProduct }),
  };
}

async function metaFile(folder: string, pattern: RegExp): Promise<string> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => pattern.test(name));
  if (names.length === 1) return join(folder, names[0]!);
  throw new ProtomemError({
    where: 'evaluate',
    what: '--meta',
    got: `${folder} with ${names.length} files like ${pattern.source}`,
    expected: 'one of each of the meta files of IJB-B or IJB-C',
  });
}
