import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSafetensors, refuseUnknownKeys, writeSafetensors } from './node.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import type { TensorData } from './state.ts';

const tensors: Record<string, TensorData> = {
  // A name that JavaScript puts before all others, one that JSON escapes, and the names of our own keys.
  '7': { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  'a "quoted" \\ name': { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, -0, Number.NaN, 1e-40) },
  checksum: { dtype: 'F64', shape: [2], data: Float64Array.of(2 ** 53 - 1, 7) },
  checksums: { dtype: 'I32', shape: [0, 4], data: new Int32Array(0) },
};
const metadata = { format: 'mine', note: '"__metadata__":{"checksum":"00000000"' };

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-sealed-'));
  path = join(folder, 'a.safetensors');
});
afterEach(() => rm(folder, { recursive: true }));

describe('a sealed safetensors file', () => {
  it('comes back as it was written, and any other reader reads it', async () => {
    await writeSafetensors(path, { tensors, metadata });
    expect(await readSafetensors(path)).toEqual({ tensors, metadata, sealed: true });
    const plain = decodeSafetensors(await readFile(path));
    expect(plain.tensors).toEqual(tensors);
    const sum = crc32(Uint8Array.of(1, 2, 3)).toString(16);
    expect(plain.metadata).toMatchObject(metadata);
    expect(JSON.parse(plain.metadata.checksums!)).toMatchObject({ '7': sum, checksums: '00000000' });
  });

  it.each(['0', 'checksum', 'checksums'])('has no metadata with the key %s', async (key) => {
    await expect(writeSafetensors(path, { tensors, metadata: { [key]: 'x' } })).rejects.toThrow(
      `a.safetensors: a key of metadata is "${key}", expected neither "checksum" nor "checksums"`,
    );
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  it('of many chunks has the sum of the whole', async () => {
    const data = new Uint8Array(5 * 2 ** 20 + 1).fill(7);
    data.set([1, 2, 3], 4 * 2 ** 20 - 1);
    await writeSafetensors(path, { tensors: { big: { dtype: 'U8', shape: [data.length], data } }, metadata: {} });
    const read = await readSafetensors(path);
    expect(Buffer.from(read.tensors.big!.data.buffer).equals(data)).toBe(true);
    const { checksums } = decodeSafetensors(await readFile(path)).metadata;
    expect(JSON.parse(checksums!)).toEqual({ big: crc32(data).toString(16).padStart(8, '0') });
  });

  it('never is read when one bit of it was flipped, nor when a few bytes were', async () => {
    await writeSafetensors(path, { tensors, metadata });
    const good = await readFile(path);
    const refused = async (bytes: Uint8Array): Promise<string> => {
      await writeFile(path, bytes);
      try {
        refuseUnknownKeys('a', await readSafetensors(path, 'a'), Object.keys(metadata));
        return 'read';
      } catch (error) {
        return (error as Error).message;
      }
    };
    // One bit of each byte.
    for (let byte = 0; byte < good.length; byte++) {
      const bad = Buffer.from(good);
      bad[byte]! ^= 1 << ((5 * byte) & 7);
      expect(await refused(bad), `byte ${byte}`).toMatch(/^a: .+ is .+, expected/);
    }
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(damage, async (bytes) => {
        const bad = Buffer.from(good);
        for (const [at, change] of bytes) bad[at]! ^= change;
        fc.pre(!bad.equals(good));
        expect(await refused(bad)).toMatch(/^a: .+ is .+, expected/);
      }),
      { seed: 3, numRuns: 100 },
    );
    const last = Buffer.from(good);
    last[last.length - 1]! ^= 1;
    expect(await refused(last)).toMatch(
      /^a: the checksum of tensor "7" is "\w{8}", expected "\w{8}", as when it was written\. The file was damaged/,
    );
  });

  it('is told from one without checksums, and from one that another program changed', async () => {
    await writeFile(path, Buffer.concat(encodeSafetensors({ tensors, metadata })));
    const unsealed = await readSafetensors(path);
    expect(unsealed).toEqual({ tensors, metadata, sealed: false });
    expect(() => refuseUnknownKeys('a', unsealed, ['format'])).toThrow('a: metadata "note" is "of no meaning"');
    await writeSafetensors(path, { tensors, metadata });
    const copied = decodeSafetensors(await readFile(path));
    for (const changed of [
      { ...copied, metadata: { ...copied.metadata, format: 'yours' } },
      { ...copied, tensors: { ...tensors, more: tensors['7']! } },
      { ...copied, metadata: { first: '', ...copied.metadata } },
      { ...copied, metadata: { ...copied.metadata, checksums: 'null' } },
    ]) {
      await writeFile(path, Buffer.concat(encodeSafetensors(changed)));
      await expect(readSafetensors(path)).rejects.toThrow('the checksum of the header is');
    }
  });

  it('leaves the old one when it cannot be written', async () => {
    await writeFile(path, 'old');
    const wrong = { dtype: 'U8', shape: [4], data: Uint8Array.of(1) } as const;
    await expect(writeSafetensors(path, { tensors: { wrong }, metadata })).rejects.toThrow('length of tensor');
    expect(await readFile(path, 'utf8')).toBe('old');
  });
});
