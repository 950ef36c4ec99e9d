import { check } from '@protomem/core';
import { type ApproximateIndex, approximateIndex, nearestNeighbors } from '@protomem/evaluation';
import type { GalleryOptions } from './gallery-options.ts';
import type { RowOwner, Rows } from './rows.ts';

/** How rows are searched. */
export type Search = Pick<GalleryOptions, 'product' | 'approximateFrom'>;

/** Candidates of the approximate index that are compared exactly, for each one that is wanted. */
const WIDER = 4;
/** Candidates that it looks at: four times usearch's own number, for a person missed costs more than a millisecond. */
const EXPANSION = 256;

/** The k rows most alike to each query, `[queries, k]`, the most alike first; scores are exact. */
export async function searchRows<T extends RowOwner>(
  rows: Rows<T>,
  queries: Float32Array,
  k: number,
  { approximateFrom = Number.POSITIVE_INFINITY, product }: Search,
): Promise<{ readonly rows: Uint32Array; readonly scores: Float32Array }> {
  const { width } = rows;
  if (rows.length < approximateFrom) {
    return nearestNeighbors(queries, rows.values, width, k, { product, checked: true });
  }
  rows.index ??= await approximateIndex(rows.values, width, { expansionSearch: EXPANSION });
  return rescored(rows, rows.index, queries, k);
}

function rescored<T extends RowOwner>(rows: Rows<T>, index: ApproximateIndex, queries: Float32Array, k: number) {
  const { width, values } = rows;
  const count = queries.length / width;
  const wider = Math.min(rows.length, Math.max(32, WIDER * k));
  const found = index.search(queries, wider);
  const best = { rows: new Uint32Array(count * k), scores: new Float32Array(count * k) };
  for (let query = 0; query < count; query++) {
    // In the place of a row that was not found stands one that there is not.
    const some = found.rows.subarray(query * wider, (query + 1) * wider).filter((row) => row < rows.length);
    check(some.length >= k, () => ({
      where: 'identify',
      what: `rows found for query ${query}`,
      got: some.length,
      expected: `at least ${k} of ${rows.length}`,
      fix: `Open the gallery without approximateFrom, or with one above ${rows.length}: all rows are compared then.`,
    }));
    const near = Array.from(some, (row) => {
      let score = 0;
      for (let i = 0; i < width; i++) score += queries[query * width + i]! * values[row * width + i]!;
      return { row, score };
    });
    near.sort((a, b) => b.score - a.score);
    for (let i = 0; i < k; i++) {
      best.rows[query * k + i] = near[i]!.row;
      best.scores[query * k + i] = near[i]!.score;
    }
  }
  return best;
}
