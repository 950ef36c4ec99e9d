import { type OptionsOf, option, readOptions } from '@protomem/core';
import { type Matrix, rowsOf } from './similarity-rows.ts';

const hardestOptions = {
  count: option.integer({ help: 'Columns of each sample, h.', min: 0 }),
  duplicateAbove: option.number({
    help: 'Columns more similar than this may be the same person and are left out.',
    absent: 'none are',
  }),
};

/** Options of {@link hardestColumns}. */
export interface HardestOptions extends OptionsOf<typeof hardestOptions> {}

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
  options: HardestOptions,
): number[][] {
  const where = 'hardestColumns';
  const { count, duplicateAbove = Number.POSITIVE_INFINITY } = readOptions(where, hardestOptions, options);
  const columns = similarities[0]?.length ?? 0;
  return rowsOf(where, 'similarities', similarities as Matrix, targets.length, columns).map((row, i) =>
    Array.from(row, (_, column) => column)
      .filter((column) => column !== targets[i] && row[column]! <= duplicateAbove)
      .sort((a, b) => row[b]! - row[a]! || a - b)
      .slice(0, count),
  );
}
