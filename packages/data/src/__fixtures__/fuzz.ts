import { ProtomemError, Random } from '@protomem/core';
import { expect } from 'vitest';
import { type ByteReader, bytesReader } from '../formats/byte-reader.ts';

/** Inputs that a parser is tried on: 2,000 in tests, more with `npm run fuzz`. */
const inputs = Number(process.env.PROTOMEM_FUZZ ?? 2000);

/** Other inputs each time, where a number is given. */
const seed = Number(process.env.PROTOMEM_FUZZ_SEED ?? 1);

/** For tests that call {@link fuzz}: a hundred times the inputs take longer than a test may. */
export const fuzzTimeout = { timeout: 20_000 + 10 * inputs };

/**
 * Tries a parser on damaged inputs. Whatever it throws has to be an error of ours, which it should throw for a part of
 * the inputs: for none, damage is passed over; for all, nothing behind the first check is tried.
 *
 * @param attempt makes the i-th input, from random numbers of its own, and parses it.
 */
export async function fuzz(attempt: (random: Random, i: number) => unknown): Promise<void> {
  let refused = 0;
  for (let i = 0; i < inputs; i++) {
    try {
      await attempt(new Random(seed, i), i);
    } catch (error) {
      if (!(error instanceof ProtomemError)) throw new Error(`input ${i} of seed ${seed}`, { cause: error });
      refused++;
    }
  }
  expect(refused / inputs).toBeGreaterThan(0.2);
  expect(refused / inputs).toBeLessThan(0.99);
}

/** Bytes in memory as a file of which no more than `most` may be asked at once, nor any beyond its end. */
export function boundedReader(name: string, bytes: Uint8Array, most: number): ByteReader {
  const reader = bytesReader(name, bytes);
  return {
    ...reader,
    read(offset, length) {
      expect(length).toBeLessThanOrEqual(most);
      return reader.read(offset, length);
    },
  };
}
