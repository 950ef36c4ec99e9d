import { integer, Random } from '@protomem/core';

/** Rounds of the network; both halves are stirred six times, enough that small sizes look uniform too. */
const ROUNDS = 12;

/**
 * A seeded bijection of [0, size) that holds O(1) memory: a Feistel network on mixed-radix halves with cycle walking.
 *
 * A value is split as x = left · b + right with a · b >= size and a, b near sqrt(size); each round adds a keyed hash of
 * one half to the other, modulo that half's radix, which can be undone whatever the hash is. Values that land beyond
 * `size` are sent through again until they are inside. a · b exceeds size by less than sqrt(size), so that is rare.
 *
 * Source: Black and Rogaway, "Ciphers with arbitrary finite domains" (CT-RSA 2002), methods 2 (cycle walking) and 3
 * (generalized Feistel). Not a cipher here: the hash is a fast mixer.
 *
 * @param size number of values, 1 ... 2^53 - 1.
 * @param seed words of the key, as for `Random`.
 * @returns the value at a position; both are integers in [0, size).
 *
 * @example
 * ```ts
 * const order = permutation(1e9, 7);
 * order(0); // the identity that comes first
 * ```
 */
export function permutation(size: number, ...seed: readonly number[]): (index: number) => number {
  integer('permutation', 'size', size, 1);
  const a = Math.ceil(Math.sqrt(size));
  const b = Math.ceil(size / a);
  // The last value inside, as halves: comparing halves stays exact where left · b + right would pass 2^53.
  const lastLeft = Math.floor((size - 1) / b);
  const lastRight = (size - 1) % b;
  const random = new Random(...seed);
  const keys = Uint32Array.from({ length: 2 * ROUNDS }, () => random.uint32());

  return (index) => {
    let left = Math.floor(index / b);
    let right = index % b;
    do {
      for (let round = 0; round < ROUNDS; round += 2) {
        left = (left + hash(right, keys[2 * round]!, keys[2 * round + 1]!)) % a;
        right = (right + hash(left, keys[2 * round + 2]!, keys[2 * round + 3]!)) % b;
      }
    } while (left > lastLeft || (left === lastLeft && right > lastRight));
    return left * b + right;
  };
}

/** An unsigned 32-bit hash of a half (below 2^27) under two key words. */
function hash(half: number, key0: number, key1: number): number {
  let h = Math.imul(half ^ key0, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ key1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13), 0x27d4eb2f);
  return (h ^ (h >>> 16)) >>> 0;
}
