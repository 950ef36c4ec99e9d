import { describe, expect, it } from 'vitest';
import { damage, fuzz, fuzzTimeout } from './testing.ts';
import { crc32c, readTfRecords, tfRecord } from './tf-record.ts';

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
const records = ['', 'a', 'protomem', 'x'.repeat(1000)];
const file = Buffer.concat(records.map((one) => tfRecord(new TextEncoder().encode(one))));

/** A file in pieces of some length. */
async function* pieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function read(bytes: Uint8Array, length = 64): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  let end = 0;
  for await (const record of readTfRecords(pieces(bytes, length), 'file', 1000)) {
    expect(record.offset).toBe(end);
    end += record.length;
    found.push(text(record.bytes));
  }
  expect(end).toBe(bytes.length);
  return found;
}

describe('records', () => {
  it('are read as they were written, whatever the pieces', async () => {
    // RFC 3720, B.4: 32 bytes of zeros, of ones, rising.
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    for (const length of [1, 2, 7, 64, 5000]) expect(await read(file, length)).toEqual(records);
    expect(await read(new Uint8Array(0))).toEqual([]);
  });

  it('end where a writer was killed: in the middle of one, or before zeros', async () => {
    const last = file.length - 1016;
    for (const cut of [last + 1, last + 11, last + 12, last + 500, file.length - 1]) {
      expect(await read(file.subarray(0, cut))).toEqual([...records.slice(0, 3), undefined]);
    }
    expect(await read(file.subarray(0, last))).toEqual(records.slice(0, 3));
    expect(await read(Buffer.concat([file, new Uint8Array(5)]))).toEqual([...records, undefined]);
    expect(await read(Buffer.concat([file, new Uint8Array(500)]))).toEqual([...records, undefined]);
    // Quadratic, they took minutes.
    expect(await read(Buffer.concat([file, new Uint8Array(2 ** 25)]), 2 ** 16)).toEqual([...records, undefined]);
    const ends = Buffer.concat([file, new Uint8Array(500), Buffer.of(1)]);
    await expect(read(ends)).rejects.toThrow(`the length of the record at byte ${file.length}`);
  });

  it('are refused with their place where they are damaged, and before a length is believed', async () => {
    for (const at of [0, 8, 12, 16, 28, 29, 40, file.length - 1]) {
      const flipped = Buffer.from(file);
      flipped[at]! ^= 4;
      await expect(read(flipped)).rejects.toThrow(/file: the (length|checksum) of the record at byte \d+/);
    }
    const long = tfRecord(new Uint8Array(1001));
    await expect(read(long)).rejects.toThrow(
      'the length of the record at byte 0 is "1001", expected at most 1000 bytes',
    );
    await expect(read(Buffer.concat([file, new Uint8Array(20), file]))).rejects.toThrow(`at byte ${file.length}`);
  });

  it('are refused when they are damaged, without a crash', fuzzTimeout, () =>
    fuzz('tf-record', (random) => read(damage(file, random), 1 + random.below(100))),
  );
});
