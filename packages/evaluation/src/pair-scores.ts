import { check, integer } from '@protomem/core';

/**
 * Cosine of each pair of embeddings: `a·b / (|a| |b|)`, summed in float64.
 *
 * Flip augmentation is the caller's: add the embeddings of an image and of its mirror image, as they come from the
 * encoder, before calling (the sum, not normalized first, is what InsightFace evaluates).
 *
 * @param embeddings `[N, D]`, row-major; need not have unit length.
 * @param dimension D.
 * @param pairs `[P, 2]`, row-major: two rows of `embeddings` each.
 * @returns P cosines in [-1, 1].
 * @throws ProtomemError when a pair names a row that is not there, or an embedding is zero or not finite.
 *
 * @example
 * ```ts
 * pairScores(Float32Array.of(1, 0, 3, 3), 2, [0, 1]); // Float64Array [0.7071...]
 * ```
 */
export function pairScores(embeddings: Float32Array, dimension: number, pairs: ArrayLike<number>): Float64Array {
  const where = 'pairScores';
  integer(where, 'dimension', dimension, 1);
  check(embeddings.length % dimension === 0, () => ({
    where,
    what: 'length of embeddings',
    got: embeddings.length,
    expected: `a multiple of the dimension ${dimension}`,
  }));
  check(pairs.length % 2 === 0, () => ({
    where,
    what: 'length of pairs',
    got: pairs.length,
    expected: 'two rows for each pair',
  }));
  const rows = embeddings.length / dimension;
  const norms = Float64Array.from({ length: rows }, (_, row) =>
    Math.sqrt(dot(embeddings, row * dimension, row * dimension, dimension)),
  );
  return Float64Array.from({ length: pairs.length / 2 }, (_, pair) => {
    const [a, b] = [pairs[2 * pair]!, pairs[2 * pair + 1]!];
    for (const row of [a, b]) {
      integer(where, `a row of pair ${pair}`, row, 0, rows - 1);
      check(norms[row]! > 0 && norms[row]! < Number.POSITIVE_INFINITY, () => ({
        where,
        what: `length of embedding ${row}`,
        got: norms[row],
        expected: 'a positive number',
        fix: 'The encoder returned zeros, NaN or Infinity for this image.',
      }));
    }
    const cosine = dot(embeddings, a * dimension, b * dimension, dimension) / (norms[a]! * norms[b]!);
    return Math.min(1, Math.max(-1, cosine));
  });
}

function dot(values: Float32Array, a: number, b: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += values[a + i]! * values[b + i]!;
  return sum;
}
