import { check, integer } from '@protomem/core';
import { type Matrix, rowsOf } from './similarity-rows.ts';

/** Options of {@link hardestColumns}. */
export interface HardestOptions {
  /** Columns of each sample, h. */
  readonly count: number;
  /** Columns more similar than this may be the same person and are left out. Default Infinity: none. */
  readonly duplicateAbove?: number;
}

/**
 * Hard-prototype selection on somebody else's similarities: for each sample the columns of other classes that are most
 * similar to it, the most similar first. (A Prototype Memory has this inside, differentiable: its option `hardest`.)
 *
 * @param similarities `[B, M]`, samples against classes.
 * @param targets B columns of the samples' own classes, which do not count; -1 for none.
 * @returns for each sample at most `count` columns, fewer where there are no more; equals by column.
 *
 * @example
 * ```ts
 * hardestColumns([[0.9, 0.2, 0.5]], [0], { count: 1 }); // [[2]]
 * ```
 */
export function hardestColumns(
  similarities: readonly ArrayLike<number>[],
  targets: ArrayLike<number>,
  { count, duplicateAbove = Number.POSITIVE_INFINITY }: HardestOptions,
): number[][] {
  const where = 'hardestColumns';
  integer(where, 'count', count, 0);
  check(!Number.isNaN(duplicateAbove), () => ({
    where,
    what: 'duplicateAbove',
    got: duplicateAbove,
    expected: 'a number',
  }));
  const columns = similarities[0]?.length ?? 0;
  return rowsOf(where, 'similarities', similarities as Matrix, targets.length, columns).map((row, i) =>
    Array.from(row, (_, column) => column)
      .filter((column) => column !== targets[i] && row[column]! <= duplicateAbove)
      .sort((a, b) => row[b]! - row[a]! || a - b)
      .slice(0, count),
  );
}
