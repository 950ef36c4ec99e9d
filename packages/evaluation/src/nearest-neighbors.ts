import { check, integer, type OptionsOf, option, readOptions } from '@protomem/core';
import { checkRows, type MatrixProduct, productOptions } from './matrix-product.ts';

/** The k most alike of each query, `[Q, k]`, row-major, the most alike first. */
export interface Neighbors {
  /** Rows of the gallery. */
  readonly rows: Uint32Array;
  /** Dot products. */
  readonly scores: Float32Array;
  readonly k: number;
}

const neighborOptions = {
  ...productOptions,
  block: option.integer({ help: 'Gallery rows compared at a time.', min: 1, default: 65_536 }),
  checked: option.flag({
    help: 'The gallery is known to hold finite numbers: for one that is searched often, a third of the time.',
    default: false,
  }),
  onProgress: option.given<(done: number) => void>()({
    help: 'Called after each block with the share of the work that is done, 0 ... 1.',
    absent: 'none',
  }),
};

export type NeighborOptions = OptionsOf<typeof neighborOptions>;

/** Queries compared at a time: one block of products is `QUERIES * block` numbers. */
const QUERIES = 256;

/**
 * Exact search: every query with every row of the gallery, in blocks, so that memory beside the two is
 * `256 * block * 4` bytes (64 MiB) whatever the gallery's size. Of equal scores the lower row comes first.
 *
 * @param queries `[Q, width]`, `gallery` `[N, width]`: unit vectors when cosines are meant.
 * @throws ProtomemError when k is above N, or a number is not finite.
 *
 * @example
 * ```ts
 * const { rows, scores } = await nearestNeighbors(queries, gallery, 512, 10, { product });
 * ```
 */
export async function nearestNeighbors(
  queries: Float32Array,
  gallery: Float32Array,
  width: number,
  k: number,
  options: NeighborOptions = {},
): Promise<Neighbors> {
  const where = 'nearestNeighbors';
  const { product, block, checked, onProgress } = readOptions(where, neighborOptions, options);
  const count = checkRows(where, 'queries', queries, width);
  const entries = checked ? gallery.length / width : checkRows(where, 'gallery', gallery, width);
  integer(where, 'k', k, 1, entries);
  const found = { rows: new Uint32Array(count * k), scores: new Float32Array(count * k), k };
  const held = new Uint32Array(count);
  for (let start = 0; start < entries; start += block) {
    const part = gallery.subarray(start * width, Math.min(entries, start + block) * width);
    for (let from = 0; from < count; from += QUERIES) {
      const some = queries.subarray(from * width, Math.min(count, from + QUERIES) * width);
      const values = await multiply(product, some, part, width);
      const columns = part.length / width;
      for (let i = 0; i < some.length / width; i++) {
        const query = from + i;
        for (let j = 0; j < columns; j++) {
          const score = values[i * columns + j]!;
          if (held[query]! === k && !(score > found.scores[query * k + k - 1]!)) continue;
          insert(found, query * k, held[query]!, start + j, score);
          if (held[query]! < k) held[query]!++;
        }
      }
    }
    onProgress?.(Math.min(1, (start + block) / entries));
  }
  return found;
}

async function multiply(product: MatrixProduct, a: Float32Array, b: Float32Array, width: number) {
  const values = await product(a, b, width);
  const expected = (a.length / width) * (b.length / width);
  check(values.length === expected, () => ({
    where: 'nearestNeighbors',
    what: 'length of what product returned',
    got: values.length,
    expected: `${expected}, row by row`,
  }));
  return values;
}

/** Puts a neighbour where it belongs; the last of k falls out. */
function insert({ rows, scores, k }: Neighbors, at: number, held: number, row: number, score: number): void {
  let place = Math.min(held, k - 1);
  while (place > 0 && scores[at + place - 1]! < score) {
    scores[at + place] = scores[at + place - 1]!;
    rows[at + place] = rows[at + place - 1]!;
    place--;
  }
  scores[at + place] = score;
  rows[at + place] = row;
}

/**
 * The share of true neighbours that a search found.
 *
 * @param found rows of an approximate search, `[Q, k]`.
 * @param exact rows of {@link nearestNeighbors}, `[Q, k]`.
 */
export function neighborRecall(found: ArrayLike<number>, exact: ArrayLike<number>, k: number): number {
  integer('neighborRecall', 'k', k, 1);
  check(found.length === exact.length && found.length > 0 && found.length % k === 0, () => ({
    where: 'neighborRecall',
    what: 'lengths',
    got: [found.length, exact.length],
    expected: `two of the same length, a multiple of k = ${k}`,
  }));
  let hits = 0;
  for (let at = 0; at < exact.length; at += k) {
    const true_ = new Set(Array.from({ length: k }, (_, i) => exact[at + i]!));
    for (let i = 0; i < k; i++) if (true_.has(found[at + i]!)) hits++;
  }
  return hits / exact.length;
}
