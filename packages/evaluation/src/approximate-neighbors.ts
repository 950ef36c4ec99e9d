import { integer, type OptionsOf, option, ProtomemError, readOptions } from '@protomem/core';
import { checkRows } from './matrix-product.ts';
import type { Neighbors } from './nearest-neighbors.ts';

const approximateOptions = {
  connectivity: option.integer({
    help: 'Links of each vector in the graph: more find better and take more memory.',
    ...{ min: 1, default: 16 },
  }),
  expansionAdd: option.integer({ help: 'Candidates looked at when a vector is added.', min: 1, default: 128 }),
  expansionSearch: option.integer({
    help: 'Candidates looked at in a search: the switch between speed and recall.',
    ...{ min: 1, default: 64 },
  }),
  precision: option.choice(['f32', 'bf16', 'i8'], {
    help: 'How vectors are kept: `bf16` takes half the memory of `f32`.',
    default: 'bf16',
  }),
  threads: option.integer({ help: 'Threads; 0: all cores.', min: 0, max: 1024, default: 0 }),
  onProgress: option.given<(done: number) => void>()({
    help: 'Called with the share of the gallery that is in the index.',
    absent: 'none',
  }),
};

export type ApproximateOptions = OptionsOf<typeof approximateOptions>;

/** An index over a gallery; searches as often as wanted. */
export interface ApproximateIndex {
  /**
   * Nearest rows as the graph finds them: some may be missing. {@link neighborRecall} tells how many. Where it finds
   * fewer than k at all, row 2³² - 1 with score NaN stands in the last places.
   */
  search(queries: Float32Array, k: number): Neighbors;
  /** Writes the index for `usearch`; the file is not written atomically. */
  save(path: string): void;
  /** Gives a row this vector, of length 1, in the place of the one that it had; rows may be added. */
  set(row: number, vector: Float32Array): void;
  /** Searches find that row no longer. */
  remove(row: number): void;
  readonly size: number;
}

const ADDED_AT_A_TIME = 4096;

/**
 * Approximate search in a graph of neighbours (HNSW), for galleries that are searched too often for
 * {@link nearestNeighbors}. Needs the package `usearch`.
 *
 * @param gallery `[N, width]`, unit vectors.
 *
 * @example
 * ```ts
 * const index = await approximateIndex(gallery, 512);
 * const found = index.search(queries, 10);
 * const recall = neighborRecall(found.rows, (await nearestNeighbors(queries, gallery, 512, 10)).rows, 10);
 * ```
 *
 * Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search", 2018.
 */
export async function approximateIndex(
  gallery: Float32Array,
  width: number,
  options: ApproximateOptions = {},
): Promise<ApproximateIndex> {
  const where = 'approximateIndex';
  const count = checkRows(where, 'gallery', gallery, width);
  const settings = readOptions(where, approximateOptions, options);
  const { connectivity, expansionAdd, expansionSearch, precision, threads, onProgress } = settings;
  const { Index, MetricKind, ScalarKind } = await importUsearch();
  const kinds = { f32: ScalarKind.F32, bf16: ScalarKind.BF16, i8: ScalarKind.I8 };
  const index = new Index({
    dimensions: width,
    metric: MetricKind.Cos,
    quantization: kinds[precision],
    connectivity,
    expansion_add: expansionAdd,
    expansion_search: expansionSearch,
    multi: false,
  });
  for (let from = 0; from < count; from += ADDED_AT_A_TIME) {
    const to = Math.min(count, from + ADDED_AT_A_TIME);
    index.add(keysFrom(from, to), gallery.subarray(from * width, to * width), threads);
    onProgress?.(to / count);
  }
  return {
    search(queries, k) {
      const rows = checkRows('search', 'queries', queries, width);
      integer('search', 'k', k, 1, index.size());
      const found = {
        rows: new Uint32Array(rows * k).fill(2 ** 32 - 1),
        scores: new Float32Array(rows * k).fill(Number.NaN),
        k,
      };
      for (let query = 0; query < rows; query++) {
        const { keys, distances } = index.search(queries.subarray(query * width, (query + 1) * width), k, threads);
        for (let i = 0; i < keys.length; i++) {
          found.rows[query * k + i] = Number(keys[i]);
          found.scores[query * k + i] = 1 - distances[i]!;
        }
      }
      return found;
    },
    save: (path) => index.save(path),
    set(row, vector) {
      if (index.contains(BigInt(row))) index.remove(BigInt(row));
      index.add(BigInt(row), vector, threads);
    },
    remove: (row) => void index.remove(BigInt(row)),
    get size() {
      return index.size();
    },
  };
}

function keysFrom(from: number, to: number): BigUint64Array {
  return BigUint64Array.from({ length: to - from }, (_, i) => BigInt(from + i));
}

/** By a name that no bundler follows: it need not be installed, and is native code. */
async function importUsearch(): Promise<typeof import('usearch')> {
  const name = 'usearch';
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as typeof import('usearch');
  } catch (error) {
    throw new ProtomemError(
      {
        where: 'approximateIndex',
        what: 'the package usearch',
        got: (error as Error).message,
        expected: 'to be installed, under Node: approximate search is an optional part, and native code',
        fix: 'npm i usearch@2.25.3; in a browser take nearestNeighbors.',
      },
      { cause: error },
    );
  }
}
