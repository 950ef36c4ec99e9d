import { check } from '@protomem/core';

/** A matrix as rows of numbers, or as one array, row after row. */
export type Matrix = ArrayLike<number> | readonly ArrayLike<number>[];

/** Checks the shape of a matrix; returns its rows. */
export function rowsOf(
  where: string,
  what: string,
  matrix: Matrix,
  rows: number,
  columns: number,
): ArrayLike<number>[] {
  const nested = typeof matrix[0] !== 'number';
  const found = nested
    ? Array.from(matrix as readonly ArrayLike<number>[])
    : Array.from({ length: rows }, (_, i) =>
        Float64Array.from({ length: columns }, (_, j) => (matrix as ArrayLike<number>)[i * columns + j]!),
      );
  const fits = nested
    ? found.length === rows && found.every((row) => row.length === columns)
    : matrix.length === rows * columns;
  check(fits, () => ({
    where,
    what: `shape of ${what}`,
    got: nested ? [found.length, found[0]?.length ?? 0] : matrix.length,
    expected: `[${rows}, ${columns}], as rows or as ${rows * columns} numbers`,
  }));
  return found;
}
