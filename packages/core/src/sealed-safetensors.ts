import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { replaceFile } from './atomic-file.ts';
import { check, ProtomemError } from './errors.ts';
import { decodeSafetensors, encodeSafetensors, inFileOrder, type Safetensors } from './safetensors.ts';
import { systemReason } from './system-reason.ts';

/** What stands for a checksum that is not known yet; as long as one, so that the header keeps its length. */
const UNKNOWN = '00000000';

/** What the header's checksum stands behind, eight hexadecimal digits. A quote in a name is escaped: it comes once only. */
const BEFORE = '"__metadata__":{"checksum":"';

/** Bytes that are on their way to the disk while the next ones are summed. */
const CHUNK = 4 * 2 ** 20;

const hex = (sum: number): string => sum.toString(16).padStart(8, '0');

/** A safetensors file that was read, without its own checksums in the metadata. */
export interface SealedSafetensors extends Safetensors {
  /** Whether it had checksums, which then were right; files of other programs have none. */
  readonly sealed: boolean;
}

/**
 * Writes a safetensors file, whole or not at all (see `writeFileAtomic`), that {@link readSafetensors} finds any damage
 * in. Its metadata gets two keys: `checksums`, a JSON object of the CRC-32 of each tensor's bytes by name, and before it
 * `checksum`, the CRC-32 of the header with zeros in the place of that one. Any other reader of safetensors reads it.
 *
 * Sums are made while the bytes before are being written, so that they cost no time of their own.
 *
 * @param path of the file; its folder exists.
 * @example
 * ```ts
 * await writeSafetensors('a.safetensors', { tensors, metadata: { format: 'mine' } });
 * const same = await readSafetensors('a.safetensors');
 * ```
 */
export async function writeSafetensors(path: string, { tensors, metadata }: Safetensors): Promise<void> {
  for (const key of Object.keys(metadata)) {
    check(key !== 'checksum' && key !== 'checksums' && !/^\d+$/.test(key), () => ({
      where: `writeSafetensors: ${path}`,
      what: 'a key of metadata',
      got: key,
      expected: 'neither "checksum" nor "checksums", and no number, which JSON would write before them',
    }));
  }
  const names = inFileOrder(tensors);
  const sums = new Map(names.map((name) => [name, UNKNOWN]));
  const encode = (): Uint8Array[] => {
    const checksums = JSON.stringify(Object.fromEntries(sums));
    return encodeSafetensors({ tensors, metadata: { checksum: UNKNOWN, checksums, ...metadata } });
  };
  const [length, header, ...bodies] = encode() as [Uint8Array, Uint8Array, ...Uint8Array[]];
  await replaceFile(path, async (file) => {
    let writing = writeAll(file, Buffer.concat([length, header]));
    for (const [i, body] of bodies.entries()) {
      let sum = 0;
      for (let start = 0; start < body.length; start += CHUNK) {
        const chunk = body.subarray(start, start + CHUNK);
        sum = crc32(chunk, sum);
        await writing;
        writing = writeAll(file, chunk);
      }
      sums.set(names[i]!, hex(sum));
    }
    await writing;
    const sealed = Buffer.concat(encode().slice(0, 2));
    const at = placeOfChecksum(sealed)!;
    sealed.write(hex(sumOfHeader(sealed, at)), at, 'latin1');
    await writeAll(file, sealed, 0);
  });
}

/**
 * Reads a safetensors file and, where it was written by {@link writeSafetensors}, compares its checksums: one flipped bit
 * anywhere is found.
 *
 * @param where names the file in errors. Default `path`.
 * @throws ProtomemError that names the header or the tensor at fault, and what `decodeSafetensors` refuses.
 */
export async function readSafetensors(path: string, where = path): Promise<SealedSafetensors> {
  const bytes = await readWhole(path, where);
  const header = headerOf(bytes);
  const at = placeOfChecksum(header);
  const written = at === undefined ? undefined : header.toString('latin1', at, at + 8);
  if (at !== undefined) compare(where, 'the header', hex(sumOfHeader(header, at)), written);
  const { tensors, metadata } = decodeSafetensors(bytes, where);
  const { checksum, checksums, ...rest } = metadata;
  if (checksum === undefined) return { tensors, metadata, sealed: false };
  compare(where, 'the header', checksum, written);
  const sums = new Map(Object.entries(parseSums(where, checksums)));
  for (const [name, { data }] of Object.entries(tensors)) {
    compare(
      where,
      `tensor "${name}"`,
      hex(crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))),
      sums.get(name),
    );
  }
  return { tensors, metadata: rest, sealed: true };
}

/**
 * Refuses a file without checksums whose metadata has a key that its format does not have: it may have been the key of
 * the checksums.
 */
export function refuseUnknownKeys(where: string, file: SealedSafetensors, known: readonly string[]): void {
  const unknown = file.sealed ? undefined : Object.keys(file.metadata).find((key) => !known.includes(key));
  check(unknown === undefined, () => ({
    where,
    what: `metadata "${unknown}"`,
    got: 'of no meaning',
    expected: `one of ${known.join(', ')}`,
    fix: DAMAGED,
  }));
}

const DAMAGED = 'The file was damaged, or changed by another program, after it was written: use another copy.';

function compare(where: string, what: string, found: string, written: unknown): void {
  check(found === written, () => ({
    where,
    what: `the checksum of ${what}`,
    got: found,
    expected: typeof written === 'string' ? `"${written}", as when it was written` : 'one that is in the file too',
    fix: DAMAGED,
  }));
}

/** Length and header of a file; nothing where they are not whole, which `decodeSafetensors` refuses. */
function headerOf(bytes: Uint8Array): Buffer {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = file.length < 8 ? 0 : 8 + Number(file.readBigUInt64LE(0));
  return file.subarray(0, end <= file.length ? end : 0);
}

function placeOfChecksum(header: Buffer): number | undefined {
  const found = header.indexOf(BEFORE);
  const at = found + BEFORE.length;
  return found < 0 || at + 8 > header.length ? undefined : at;
}

/** CRC-32 of length and header, as if the header's checksum was not known yet. */
function sumOfHeader(header: Buffer, at: number): number {
  return crc32(header.subarray(at + 8), crc32(UNKNOWN, crc32(header.subarray(0, at))));
}

function parseSums(where: string, text = ''): object {
  try {
    const sums: unknown = JSON.parse(text);
    if (typeof sums === 'object' && sums !== null) return sums;
  } catch {}
  throw new ProtomemError({ where, what: 'metadata "checksums"', got: text, expected: 'a JSON object', fix: DAMAGED });
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done;
    done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten;
  }
}

/** `readFile` ends at 2 GiB, which a large memory exceeds. */
async function readWhole(path: string, where: string): Promise<Uint8Array> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    const [got, expected] = [systemReason(error), 'a safetensors file that can be read'];
    throw new ProtomemError({ where, what: 'the file', got, expected }, { cause: error });
  });
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    for (let offset = 0; offset < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, offset, Math.min(bytes.length - offset, 2 ** 30));
      if (bytesRead === 0) return bytes.subarray(0, offset);
      offset += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
