import { ProtomemError } from '@protomem/core';

/** Where the records of a RecordIO file lie, by key: its `.idx` file. */
export interface KeyIndex {
  /** Ascending. */
  readonly keys: Float64Array;
  /** By position of the key. */
  readonly offsets: Float64Array;
}

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const ZERO = 48;

/**
 * Parses an `.idx` file: a line `key <tab> offset` for each record.
 *
 * @throws {ProtomemError} with the line's number when a line is none, or a key stands twice.
 */
export function parseKeyIndex(bytes: Uint8Array, file: string): KeyIndex {
  let lines = 0;
  for (const byte of bytes) if (byte === NEWLINE) lines++;
  const keys = new Float64Array(lines + 1);
  const offsets = new Float64Array(lines + 1);
  let used = 0;
  let ascending = true;
  for (let at = 0, line = 1; at < bytes.length; line++) {
    let end = bytes.indexOf(NEWLINE, at);
    if (end < 0) end = bytes.length;
    const next = end + 1;
    if (end > at && bytes[end - 1] === RETURN) end--;
    if (end > at) {
      const tab = bytes.subarray(at, end).indexOf(TAB);
      const key = tab < 0 ? Number.NaN : digits(bytes, at, at + tab);
      const offset = tab < 0 ? Number.NaN : digits(bytes, at + tab + 1, end);
      if (Number.isNaN(key) || Number.isNaN(offset)) {
        const got = Buffer.from(bytes.subarray(at, Math.min(end, at + 80))).toString('latin1');
        refuse(file, `line ${line}`, got, 'a key, a tab and an offset, both in digits');
      }
      if (used > 0 && key <= keys[used - 1]!) ascending = false;
      keys[used] = key;
      offsets[used++] = offset;
    }
    at = next;
  }
  const index = { keys: keys.subarray(0, used), offsets: offsets.subarray(0, used) };
  return ascending ? index : sorted(index, file);
}

function sorted({ keys, offsets }: KeyIndex, file: string): KeyIndex {
  const order = Uint32Array.from(keys, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
  const index = {
    keys: Float64Array.from(order, (i) => keys[i]!),
    offsets: Float64Array.from(order, (i) => offsets[i]!),
  };
  const twice = index.keys.findIndex((key, i) => i > 0 && key === index.keys[i - 1]);
  if (twice >= 0) refuse(file, `key ${index.keys[twice]}`, 'there twice', 'each key once');
  return index;
}

/** The number that digits stand for; NaN when they are none, or it is not exact. */
function digits(bytes: Uint8Array, from: number, to: number): number {
  let value = from < to ? 0 : Number.NaN;
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - ZERO;
    value = digit >= 0 && digit <= 9 ? 10 * value + digit : Number.NaN;
  }
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

function refuse(file: string, what: string, got: string, expected: string): never {
  const fix = 'Without the .idx file the records are scanned: move it away.';
  throw new ProtomemError({ where: file, what, got, expected, fix });
}
