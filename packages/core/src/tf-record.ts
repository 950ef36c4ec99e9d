import { check } from './errors.ts';
import { joinBytes } from './join-bytes.ts';

const CASTAGNOLI = 0x82f63b78;

/** What a byte, and zero to three bytes of zeros behind it, do to a checksum. */
const tables = [0, 1, 2, 3].map((behind) =>
  Int32Array.from({ length: 256 }, (_, byte) => {
    let c = byte;
    for (let bit = 8 * (behind + 1); bit > 0; bit--) c = c & 1 ? (c >>> 1) ^ CASTAGNOLI : c >>> 1;
    return c;
  }),
) as [Int32Array, Int32Array, Int32Array, Int32Array];

/** CRC-32C (Castagnoli), as RFC 3720 defines it; four bytes at a time. */
export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = tables;
  const whole = bytes.length - (bytes.length % 4);
  let c = -1;
  let i = 0;
  for (; i < whole; i += 4) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    c = t3[c & 0xff]! ^ t2[(c >>> 8) & 0xff]! ^ t1[(c >>> 16) & 0xff]! ^ t0[c >>> 24]!;
  }
  for (; i < bytes.length; i++) c = t0[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}

/** Bytes of a record's frame, before and behind what it holds. */
const [HEAD, FOOT] = [12, 4];

/**
 * Frames one record as TensorFlow's record files do: u64 length, masked checksum of the length, the bytes, masked
 * checksum of the bytes; little-endian.
 *
 * Source: TensorFlow, "TFRecord and tf.train.Example", section "TFRecords format details".
 */
export function tfRecord(bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(bytes.length + HEAD + FOOT);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true);
  record.set(bytes, HEAD);
  view.setUint32(HEAD + bytes.length, masked(crc32c(bytes)), true);
  return record;
}

/** A checksum of data that holds checksums is weak; so they are stored rotated and shifted. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A record of a file, or what is behind the last one. */
export interface FoundRecord {
  /** Of its frame, in the file. */
  readonly offset: number;
  /** What it holds, until the next record is asked for; undefined for an end that is not whole. */
  readonly bytes?: Uint8Array;
  /** Bytes that it takes in the file, frame and all. */
  readonly length: number;
}

/**
 * The records of a file of {@link tfRecord}, in any pieces. Lengths are checked by their own checksum, and against `most`,
 * before anything of that length is allocated.
 *
 * What a writer that was killed left at the end, a record cut short or zeros, comes last, without `bytes`.
 *
 * @param where names the file in errors.
 * @param most bytes that one record may hold.
 * @throws ProtomemError for a record that is damaged, with its offset.
 */
export async function* readTfRecords(
  pieces: AsyncIterable<Uint8Array>,
  where: string,
  most: number,
): AsyncGenerator<FoundRecord> {
  const damaged = (what: string, offset: number, got: string, expected: string) => ({
    where,
    what: `${what} at byte ${offset}`,
    got,
    expected,
    fix: 'The file was damaged, or changed by another program, after it was written: use another copy.',
  });
  // Of an unfinished record: joined when the rest of it is there.
  let parts: Uint8Array[] = [];
  let held = 0;
  let needed = HEAD;
  let offset = 0;
  // A tail of zeros may be long: of it, its length is enough.
  let zeros = 0;
  const countZeros = (bytes: Uint8Array): void => {
    const areZeros = bytes.every((byte) => byte === 0);
    check(areZeros, () => damaged('the length of the record', offset, 'not what its checksum says', 'a record'));
    zeros += bytes.length;
  };
  for await (const piece of pieces) {
    if (zeros > 0) {
      countZeros(piece);
      continue;
    }
    held += piece.length;
    if (held < needed) {
      parts.push(piece.slice());
      continue;
    }
    const all = parts.length > 0 ? joinBytes([...parts, piece]) : piece;
    needed = HEAD;
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    let at = 0;
    while (all.length - at >= HEAD) {
      const sum = masked(crc32c(all.subarray(at, at + 8)));
      if (view.getUint32(at + 8, true) !== sum) break;
      const length = Number(view.getBigUint64(at, true));
      const place = offset + at;
      check(length <= most, () =>
        damaged('the length of the record', place, `${length}`, `at most ${most} bytes, which one may hold`),
      );
      needed = HEAD + length + FOOT;
      if (all.length - at < needed) break;
      const bytes = all.subarray(at + HEAD, at + HEAD + length);
      check(view.getUint32(at + HEAD + length, true) === masked(crc32c(bytes)), () =>
        damaged('the checksum of the record', place, 'another one', 'that of its bytes'),
      );
      yield { offset: place, bytes, length: needed };
      at += needed;
      needed = HEAD;
    }
    const rest = all.slice(at);
    [parts, held] = [rest.length > 0 ? [rest] : [], rest.length];
    offset += at;
    const broken = rest.length >= HEAD && masked(crc32c(rest.subarray(0, 8))) !== viewOf(rest).getUint32(8, true);
    if (broken) {
      countZeros(rest);
      parts = [];
    }
  }
  const length = zeros || held;
  if (length > 0) yield { offset, length };
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
