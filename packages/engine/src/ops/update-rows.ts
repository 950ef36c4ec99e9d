import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';

const run = registeredKernel('updateRows');

/**
 * Overwrites rows of a matrix in place: `matrix[rows[i]] = values[i]`. Costs O(rows), not O(matrix), on the
 * `tensorflow`, `wasm`, `webgpu` and `cpu` backends. Not differentiable.
 *
 * In place means that whatever shares the matrix's buffer sees the change: clones and reshapes of it, a `tf.Variable`
 * made from it, a tensor that it was made from, and on `cpu` the typed array that it was made from or that `dataSync` returned.
 * Slices of whole rows see it on `cpu`, on `tensorflow` some do, which depends on where in memory they begin, and elsewhere none:
 * take rows by `tf.gather` where they are to stay what they were.
 * A forward pass that saved the matrix for its gradient must therefore be finished before its rows change.
 *
 * On other backends, where buffers cannot change, the matrix must be a `tf.Variable`, and it gets a changed copy.
 *
 * @param matrix `[M, D]`, float32; a tensor or a variable; stays the caller's
 * @param rows row of each value, in `[0, M)`, each at most once
 * @param values `[rows.length, D]`, float32, rows of the matrix itself among them; stays the caller's
 * @throws ProtomemError when shapes do not fit, or a row is outside the matrix or named twice; nothing is written then
 *
 * @example
 * ```ts
 * const memory = tf.variable(tf.zeros([65536, 512]), false);
 * updateRows(memory, Int32Array.of(7, 3), tf.ones([2, 512]));
 * ```
 */
export function updateRows(matrix: tf.Tensor2D, rows: Int32Array, values: tf.Tensor2D): void {
  const where = 'updateRows';
  const [count, width] = matrix.shape;
  check(matrix.rank === 2 && matrix.dtype === 'float32', () => ({
    where,
    what: 'matrix',
    got: `${matrix.dtype} ${JSON.stringify(matrix.shape)}`,
    expected: 'float32 [M, D]',
  }));
  check(
    values.dtype === 'float32' &&
      values.rank === 2 &&
      values.shape[0] === rows.length &&
      (values.shape[1] === width || rows.length === 0),
    () => ({
      where,
      what: 'values',
      got: `${values.dtype} ${JSON.stringify(values.shape)}`,
      expected: `float32 [${rows.length}, ${width}], a row of the matrix for each of rows`,
    }),
  );
  const seen = new Set<number>();
  for (const row of rows) {
    check(row >= 0 && row < count && !seen.has(row), () => ({
      where,
      what: 'rows',
      got: row,
      expected: `rows in [0, ${count}), each at most once`,
    }));
    seen.add(row);
  }
  if (rows.length === 0) return;
  run({ matrix, values }, { rows });
}
