import type { Random } from '@protomem/core';

/** Numbers that break lengths and offsets. */
const NUMBERS = [0, 1, 2 ** 29 - 1, 2 ** 31, 2 ** 32 - 1];

/**
 * A copy with up to three flipped bits or 32-bit words replaced; a quarter of the copies is cut short as well.
 *
 * @param numbers more words to put in, such as a format's magic number.
 */
export function damage(bytes: Uint8Array, random: Random, ...numbers: readonly number[]): Buffer {
  const copy = Buffer.from(bytes);
  const words = [...NUMBERS, ...numbers];
  for (let i = random.below(4); i > 0 && copy.length > 4; i--) {
    const at = random.below(copy.length - 4);
    if (random.below(2)) copy[at]! ^= 1 << random.below(8);
    else copy.writeUInt32LE(words[random.below(words.length)]!, at);
  }
  return random.below(4) ? copy : copy.subarray(0, random.below(copy.length));
}

/** A copy in which up to three pieces of text are replaced, doubled or gone; a quarter is cut short as well. */
export function damageText(text: string, random: Random, pieces: readonly string[]): Buffer {
  let copy = text;
  for (let i = random.below(4); i > 0; i--) {
    const [from, length] = [random.below(copy.length + 1), random.below(8)];
    copy = copy.slice(0, from) + pieces[random.below(pieces.length)]! + copy.slice(from + length);
  }
  const bytes = Buffer.from(copy);
  return random.below(4) ? bytes : bytes.subarray(0, random.below(bytes.length + 1));
}
