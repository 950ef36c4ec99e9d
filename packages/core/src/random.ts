import { check } from './errors.ts';

/** Saveable state of a {@link Random}: four unsigned 32-bit words. */
export type RandomState = readonly [number, number, number, number];

/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna, 2018), seeded through splitmix32.
 * Every random part of protomem takes one; nothing calls `Math.random`.
 *
 * @example
 * ```ts
 * const rng = new Random(7);
 * rng.uniform(); // the same number in every run
 * const saved = rng.state(); // plain data
 * ```
 */
export class Random {
  // Signed, in fields of their own: numbers that the compiler keeps as they are, faster than an array of words.
  private a = 0;
  private b = 0;
  private c = 0;
  private d = 0;

  /** @param seed any safe integer; words of a key may follow, so that `new Random(seed, step, index)` is a stream of its own. */
  constructor(...seed: readonly number[]) {
    // Absorb each word, then squeeze four: different keys give unrelated streams.
    let h = 0x9e3779b9;
    for (const part of seed) {
      h = mix((h ^ (part >>> 0)) + 0x9e3779b9);
      h = mix((h ^ (Math.floor(part / 2 ** 32) >>> 0)) + 0x85ebca6b);
    }
    const words: number[] = Array.from({ length: 4 }, (_, i) => mix(h + Math.imul(0x9e3779b9, i + 1)));
    if (!words.some(Boolean)) words[0] = 1;
    this.restore(words as unknown as RandomState);
  }

  /** Next unsigned 32-bit integer. */
  uint32(): number {
    const { a, b } = this;
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const c = this.c ^ a;
    const d = this.d ^ b;
    this.a = a ^ d;
    this.b = b ^ c;
    this.c = c ^ (b << 9);
    this.d = rotateLeft(d, 11);
    return result;
  }

  /** Uniform in [0, 1) with 53 bits, or in [low, high). */
  uniform(low = 0, high = 1): number {
    const unit = ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
    return low + (high - low) * unit;
  }

  /** Uniform integer in [0, bound), without modulo bias; bound up to 2^53. */
  below(bound: number): number {
    check(Number.isSafeInteger(bound) && bound > 0, () => ({
      where: 'Random.below',
      what: 'bound',
      got: bound,
      expected: 'an integer in [1, 2^53)',
    }));
    if (bound > 2 ** 32) return Math.floor(this.uniform() * bound);
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % bound;
  }

  /** Normal deviate (Box-Muller; one of the pair is dropped so that the state is only the words). */
  normal(mean = 0, std = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + std * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }

  state(): RandomState {
    return [this.a >>> 0, this.b >>> 0, this.c >>> 0, this.d >>> 0];
  }

  restore(state: RandomState): void {
    const words: readonly unknown[] = Array.isArray(state) ? state : [];
    const areWords = words.every((w) => Number.isInteger(w) && (w as number) >= 0 && (w as number) < 2 ** 32);
    // From four zeros nothing but zeros would come.
    check(words.length === 4 && areWords && words.some(Boolean), () => ({
      where: 'Random.restore',
      what: 'state',
      got: state ?? 'missing',
      expected: 'four unsigned 32-bit words, not all zero',
    }));
    [this.a, this.b, this.c, this.d] = state.map((word) => word | 0) as [number, number, number, number];
  }
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** Finalizer of MurmurHash3: every input bit reaches every output bit. */
function mix(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
