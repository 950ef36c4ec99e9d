import { check } from '@protomem/core';

/** A vector divided by its length; undefined where it has none. */
export function unit(vector: ArrayLike<number>): Float32Array | undefined {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! ** 2;
  const length = Math.sqrt(sum);
  return length > 1e-12 && Number.isFinite(length) ? Float32Array.from(vector, (value) => value / length) : undefined;
}

/** An embedding divided by its length. @throws ProtomemError where it is of another width, or has no direction. */
export function unitOf(embedding: ArrayLike<number>, width: number, what: string): Float32Array {
  const place = { where: 'gallery', what: `the embedding of ${what}` };
  check(embedding.length === width, () => ({
    ...place,
    got: `${embedding.length} numbers`,
    expected: `${width}, the gallery's width`,
  }));
  const found = unit(embedding);
  check(found !== undefined, () => ({
    ...place,
    got: 'zeros, or not finite',
    expected: 'finite numbers that are not all 0',
    fix: 'The encoder returned no direction for this image.',
  }));
  return found;
}
