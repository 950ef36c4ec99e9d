import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';

const split = registeredKernel('splitRows');
const dots = registeredKernel('rowDots');
const sums = registeredKernel('groupSums');
const refresh = registeredKernel('refreshRows');

/**
 * Rows scaled to unit length: `x / max(|x|, 1e-6)`. A row shorter than 1e-6 comes out shorter than 1; zero stays zero.
 *
 * @param x `[B, D]`, float32; stays the caller's
 * @returns `[B, D]`, differentiable in `x`; the caller's
 */
export function unitRows(x: tf.Tensor2D): tf.Tensor2D {
  const { unit, norms } = splitRows(x);
  norms.dispose();
  return unit;
}

/**
 * Rows as direction and length: what {@link unitRows} returns, and `|x|`, `[B]` (for a row shorter than 1e-6: `|x|² / 1e-6`).
 *
 * @param x `[B, D]`, float32; stays the caller's
 * @returns both differentiable in `x`, and the caller's
 */
export function splitRows(x: tf.Tensor2D): { unit: tf.Tensor2D; norms: tf.Tensor1D } {
  const [unit, norms] = split({ x }, {});
  return { unit, norms };
}

/**
 * `a . b` of each row.
 *
 * @param a and `b`, `[B, D]`, float32; stay the caller's
 * @returns `[B]`, differentiable in both; the caller's
 */
export const rowDots = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor1D => dots({ a, b }, {});

/**
 * The sum of each group's rows.
 *
 * @param x `[B, D]`, float32; stays the caller's
 * @param groupOf B groups, integers in [0, groups)
 * @returns `[groups, D]`, zeros for a group without rows; differentiable in `x`; the caller's
 *
 * @example
 * ```ts
 * groupSums(tf.tensor2d([[1, 2], [3, 4], [5, 6]]), [1, 0, 1], 2); // [[3, 4], [6, 8]]
 * ```
 */
export function groupSums(x: tf.Tensor2D, groupOf: ArrayLike<number>, groups: number): tf.Tensor2D {
  check(
    groupOf.length === x.shape[0] &&
      Array.from(groupOf).every((group) => Number.isInteger(group) && group >= 0 && group < groups),
    () => ({
      where: 'groupSums',
      what: 'groupOf',
      got: groupOf,
      expected: `${x.shape[0]} integers in [0, ${groups}), one for each row`,
    }),
  );
  return tf.tidy(() => sums({ x, groupOf: tf.tensor1d(Int32Array.from(groupOf), 'int32') }, { groups }));
}

/** What a new row gets of a refreshed one, in [0, 1]; by similarity `1 - max(0, c / (1 + |c|))`, c being its cosine to the stored one. */
export type RefreshShare = number | 'by-similarity';

/**
 * Rows refreshed by new ones: `unit((1 - share) * stored + share * unit(made))`, unit being {@link unitRows}.
 *
 * @param made `[C, D]`, float32, of any length; stays the caller's
 * @param stored `[C, D]`, float32, at unit length; stays the caller's
 * @param shares C shares
 * @returns `generated`, which is `unit(made)`, and `refreshed`, `[C, D]` each, and their `cosines`, `stored . generated`, `[C]`;
 *   differentiable in `made` and `stored`; the caller's
 *
 * @example
 * ```ts
 * refreshRows(tf.tensor2d([[0, 3]]), tf.tensor2d([[1, 0]]), [0.5]).refreshed; // [[0.71, 0.71]]
 * ```
 */
export function refreshRows(
  made: tf.Tensor2D,
  stored: tf.Tensor2D,
  shares: readonly RefreshShare[],
): { generated: tf.Tensor2D; refreshed: tf.Tensor2D; cosines: tf.Tensor1D } {
  const [rows, width] = made.shape;
  check(
    made.shape.length === 2 && stored.shape[0] === rows && stored.shape[1] === width && shares.length === rows,
    () => ({
      where: 'refreshRows',
      what: 'stored and shares',
      got: `${JSON.stringify(stored.shape)} and ${shares.length}`,
      expected: `${JSON.stringify(made.shape)}, as made, and a share for each row`,
    }),
  );
  return tf.tidy(() => {
    const given = shares.map((share) => (share === 'by-similarity' ? -1 : share));
    const [generated, refreshed, cosines] = refresh({ made, stored, shares: tf.tensor1d(given) }, {});
    return { generated, refreshed, cosines };
  });
}
