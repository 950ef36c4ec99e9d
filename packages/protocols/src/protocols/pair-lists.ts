import { type PairList, readCfpPairs, readLfwPairs, readTwoLinePairs } from '@protomem/data';
import { holdOut, pairScores } from '@protomem/evaluation';
import { binFaces } from '../bin-faces.ts';
import type { Embedder } from '../embed-faces.ts';
import { listFaces, type PairFaces } from '../list-faces.ts';
import type { PairOutcome } from '../outcome.ts';
import type { Protocol } from '../protocol.ts';

const usualFars = [1e-1, 1e-2, 1e-3, 1e-4];
const takes = ['thresholdRule'] as const;

export const lfw: Protocol = {
  title: 'LFW View 2',
  about: 'ten folds of a pair list such as pairs.txt',
  needs: ['images', 'list'],
  takes,
  run: async (embedder, { images, list }) => pairsOf(embedder, images!, await readLfwPairs(list!), 'contiguous'),
};

export const lfwView1: Protocol = {
  title: 'LFW View 1',
  about: 'pairsDevTest.txt at the threshold of pairsDevTrain.txt',
  needs: ['images', 'list', 'development'],
  takes,
  async run(embedder, { images, list, development, thresholdRule }) {
    const train = await pairsOf(embedder, images!, await readLfwPairs(development!), 'interleaved');
    const test = await pairsOf(embedder, images!, await readLfwPairs(list!), 'interleaved');
    return { ...test, holdOut: holdOut(train, test, { thresholdRule }) };
  },
};

export const pairs: Protocol = {
  title: 'Pair list',
  about: 'any list of pairs (LFW form, or path, path, 0|1), dealt into ten folds',
  needs: ['images', 'list'],
  takes,
  run: async (embedder, { images, list }) => pairsOf(embedder, images!, await readLfwPairs(list!), 'interleaved'),
};

export const cfpFp: Protocol = {
  title: 'CFP-FP',
  about: 'frontal with profile; images: the folder that holds Protocol and Data',
  needs: ['images'],
  takes,
  run: async (embedder, { images }) => pairsOf(embedder, images!, await readCfpPairs(images!, 'FP'), 'contiguous'),
};

export const cfpFf: Protocol = {
  title: 'CFP-FF',
  about: 'frontal with frontal',
  needs: ['images'],
  takes,
  run: async (embedder, { images }) => pairsOf(embedder, images!, await readCfpPairs(images!, 'FF'), 'contiguous'),
};

export const twoLine: Protocol = {
  title: 'Two-line pair list',
  about: 'pairs_CALFW.txt, pairs_CPLFW.txt: two lines a pair',
  needs: ['images', 'list'],
  takes,
  run: async (embedder, { images, list }) => pairsOf(embedder, images!, await readTwoLinePairs(list!), 'contiguous'),
};

export const bin: Protocol = {
  title: 'Verification file',
  about: "InsightFace's .bin: lfw, cfp_fp, agedb_30, calfw, cplfw, ...",
  needs: ['list'],
  takes,
  run: async (embedder, { list }) => scorePairFaces(embedder, await binFaces(list!), 'contiguous'),
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
