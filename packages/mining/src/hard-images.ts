import { check, integer } from '@protomem/core';
import { type Matrix, rowsOf } from './similarity-rows.ts';

/**
 * Image-level choice: which images of a class to take when it meets a look-alike, those nearest to the look-alike
 * first. An image's nearness is its highest cosine to any of the prototypes.
 *
 * Source: Smirnov et al., "Hard Example Mining with Auxiliary Embeddings for Face Representation Learning" (CVPRW 2018),
 * which compares with examples already in the batch; here the look-alike is its prototype.
 *
 * @param embeddings `[n, D]`: the class's images; not necessarily at unit length.
 * @param prototypes `[R, D]`: the doppelgangers'; not necessarily at unit length.
 * @param count images to choose; all of them, in order, where there are no more.
 * @returns rows of `embeddings`, the nearest first; equals in their order.
 *
 * @example
 * ```ts
 * hardImages([[1, 0], [1, 1], [0, 1]], [[0, 2]], 2); // [2, 1]
 * ```
 */
export function hardImages(
  embeddings: readonly ArrayLike<number>[],
  prototypes: readonly ArrayLike<number>[],
  count: number,
): number[] {
  const where = 'hardImages';
  integer(where, 'count', count, 0);
  check(prototypes.length > 0, () => ({ where, what: 'prototypes', got: 'empty', expected: 'at least one' }));
  const width = prototypes[0]!.length;
  const images = rowsOf(where, 'embeddings', embeddings as Matrix, embeddings.length, width);
  const doppelgangers = rowsOf(where, 'prototypes', prototypes as Matrix, prototypes.length, width);
  const nearness = images.map((image) => Math.max(...doppelgangers.map((lookAlike) => cosine(image, lookAlike))));
  return nearness
    .map((_, i) => i)
    .sort((a, b) => nearness[b]! - nearness[a]! || a - b)
    .slice(0, count);
}

function cosine(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let [dot, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    dot += x[i]! * y[i]!;
    xx += x[i]! * x[i]!;
    yy += y[i]! * y[i]!;
  }
  const lengths = Math.sqrt(xx) * Math.sqrt(yy);
  return lengths > 0 ? dot / lengths : 0;
}
