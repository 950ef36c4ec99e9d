import { type ErrorParts, ProtomemError } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';

/** A plain file in a tar archive. */
export interface TarMember {
  readonly name: string;
  /** Where its bytes begin in the archive. */
  readonly offset: number;
  readonly size: number;
}

/** Headers and contents fill whole blocks. */
export const BLOCK = 512;
/** Longest extended header (a long name, attributes) that is read. */
const MAX_EXTENDED = 2 ** 20;

/** What a header says before extended headers correct it. */
interface Header {
  readonly type: string;
  readonly name: string;
  readonly size: number;
}

/** Types that stand for a plain file: of POSIX, of old tar, and "contiguous". */
const PLAIN = ['0', '\0', '7'];
/** Without content that matters here: folders, a label of the volume, a dump of a folder. */
const PASSED_OVER = ['5', 'V', 'D'];
/** What is there instead of a plain file, by type. */
const REFUSED: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a device',
  '4': 'a device',
  '6': 'a pipe',
  M: 'the rest of a file from another volume',
  S: 'a sparse file',
};

/** The first bytes of what tar archives are compressed to. */
const COMPRESSED: Readonly<Record<string, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  bzip2: [0x42, 0x5a, 0x68],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};

/**
 * The plain files of a tar archive in their order: ustar, with names and sizes of GNU tar (long names, base 256) and of
 * POSIX extended headers. Only headers are read, at most 1 MiB at a time; every size is held against the file's first.
 *
 * @throws {ProtomemError} with the offset when a header is damaged, the archive is compressed or cut short, holds links,
 * sparse files or devices, or another archive follows it.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
export async function* tarMembers(reader: ByteReader): AsyncGenerator<TarMember> {
  const { file, size: total } = reader;
  await refuseCompressed(reader);
  let long: string | undefined;
  let attributes = new Map<string, string>();
  for (let at = 0; ; ) {
    if (at + BLOCK > total) {
      const got = `the end of the file, ${total - at} bytes behind the last member`;
      const fix = 'It was cut short, or its writer did not close it: copy or write it again.';
      refuse(file, at, got, { expected: 'two blocks of zeros, with which an archive ends', fix });
    }
    const block = await reader.read(at, BLOCK);
    if (block[0] === 0 && block.every((byte) => byte === 0)) return checkEnd(reader, at + BLOCK);
    const header = parseHeader(block, file, at);
    const size = sizeOf(header, attributes, file, at);
    const offset = at + BLOCK;
    if (offset + size > total) {
      const fix = 'The archive is damaged or was cut short: copy it again.';
      refuse(file, at, `a member of ${size} bytes`, {
        expected: `no more than the ${total - offset} that follow`,
        fix,
      });
    }
    if (header.type === 'L' || header.type === 'K' || header.type === 'x' || header.type === 'g') {
      if (size > MAX_EXTENDED) {
        refuse(file, at, `an extended header of ${size} bytes`, { expected: `at most ${MAX_EXTENDED}` });
      }
      const content = await reader.read(offset, size);
      if (header.type === 'L') long = text(content);
      if (header.type === 'x') attributes = parseAttributes(content, file, offset);
      if (header.type === 'g') checkGlobal(parseAttributes(content, file, offset), file, at);
    } else {
      const name = attributes.get('path') ?? long ?? header.name;
      refuseSpecial(header.type, attributes, name, file, at);
      // As `tar cf x.tar .` has them.
      if (!PASSED_OVER.includes(header.type)) yield { name: name.replace(/^(\.\/+)+/, ''), offset, size };
      long = undefined;
      attributes = new Map();
    }
    at = offset + blocks(size);
  }
}

/** Bytes of a content with the zeros that follow. */
export function blocks(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function parseHeader(block: Uint8Array, file: string, at: number): Header {
  // The sum is taken with blanks in its own place; some writers took bytes as signed.
  let sum = 8 * 32;
  let large = 0;
  for (let i = 0; i < BLOCK; i++) {
    const byte = block[i]!;
    if (i >= 148 && i < 156) continue;
    sum += byte;
    if (byte > 127) large++;
  }
  const stored = octal(block.subarray(148, 156));
  if (stored !== sum && stored !== sum - 256 * large) {
    refuse(file, at, 'no header of tar', {
      expected: 'one with the checksum of its bytes',
      fix: at === 0 ? 'Is this a tar archive?' : 'The archive is damaged: copy it again.',
    });
  }
  const field = (from: number, to: number): string => text(block.subarray(from, to));
  const magic = Buffer.from(block.subarray(257, 263)).toString('latin1');
  // Only POSIX's form has a prefix; GNU tar keeps times there.
  const prefix = magic === 'ustar\0' ? field(345, 500) : '';
  return {
    type: String.fromCharCode(block[156]!),
    name: prefix ? `${prefix}/${field(0, 100)}` : field(0, 100),
    size: number(block.subarray(124, 136)),
  };
}

function sizeOf(header: Header, attributes: ReadonlyMap<string, string>, file: string, at: number): number {
  // Extended headers have a size of their own, and so have members that are not plain.
  const given = PLAIN.includes(header.type) ? attributes.get('size') : undefined;
  const size = given === undefined ? header.size : /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  if (!Number.isSafeInteger(size))
    refuse(file, at, `a size of ${given ?? 'no digits'}`, { expected: 'a count of bytes' });
  return size;
}

/** A number: octal digits, or base 256 where the first bit is set; NaN where it is neither, or negative. */
function number(field: Uint8Array): number {
  if (!(field[0]! & 128)) return octal(field);
  let value = field[0]! & 127;
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  return value;
}

function octal(field: Uint8Array): number {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(Buffer.from(field).toString('latin1'));
  return digits ? Number.parseInt(digits[1]!, 8) : Number.NaN;
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
}

/** Attributes of a POSIX extended header: `length key=value` and a new line, each. */
function parseAttributes(bytes: Uint8Array, file: string, offset: number): Map<string, string> {
  const attributes = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.subarray(at, at + 20).indexOf(32);
    const length = Number(blank > 0 ? Buffer.from(bytes.subarray(at, at + blank)).toString('latin1') : Number.NaN);
    const record = bytes.subarray(at + blank + 1, at + length - 1);
    const equals = record.indexOf(61);
    const whole = Number.isInteger(length) && length > blank + 1 && at + length <= bytes.length;
    if (!whole || equals < 1 || bytes[at + length - 1] !== 10) {
      refuse(file, offset + at, 'no attribute', { expected: 'its length, a blank, key=value and a new line' });
    }
    const value = Buffer.from(record.subarray(equals + 1)).toString('utf8');
    attributes.set(Buffer.from(record.subarray(0, equals)).toString('utf8'), value);
    at += length;
  }
  return attributes;
}

function checkGlobal(attributes: ReadonlyMap<string, string>, file: string, at: number): void {
  const names = ['path', 'size'].filter((key) => attributes.has(key));
  if (names.length > 0) refuse(file, at, `a ${names[0]} for all members`, { expected: 'each to have its own' });
}

function refuseSpecial(
  type: string,
  attributes: ReadonlyMap<string, string>,
  name: string,
  file: string,
  at: number,
): void {
  const sparse = [...attributes.keys()].some((key) => key.startsWith('GNU.sparse.'));
  if (!sparse && (PLAIN.includes(type) || PASSED_OVER.includes(type))) return;
  const kind = sparse ? REFUSED.S : (REFUSED[type] ?? `of unknown type ${JSON.stringify(type)}`);
  refuse(file, at, `${name}: ${kind}`, {
    expected: 'plain files and folders',
    fix: 'Write the archive without --sparse and --multi-volume, with --dereference --hard-dereference.',
  });
}

async function refuseCompressed(reader: ByteReader): Promise<void> {
  const start = await reader.read(0, Math.min(8, reader.size));
  const found = Object.entries(COMPRESSED).find(([, magic]) => magic.every((byte, i) => start[i] === byte));
  if (!found) return;
  const fix = `Decompress it first (${found[0]} -d): images in it cannot be read at random.`;
  refuse(reader.file, 0, `the beginning of a file compressed with ${found[0]}`, { expected: 'a tar archive', fix });
}

/** Zeros up to the end, as writers fill the last record; no other archive. */
async function checkEnd(reader: ByteReader, from: number): Promise<void> {
  for (let at = from; at < reader.size; ) {
    const bytes = await reader.read(at, Math.min(2 ** 16, reader.size - at));
    const found = bytes.findIndex((byte) => byte !== 0);
    if (found >= 0) {
      refuse(reader.file, at + found, 'more behind the end of the archive', {
        expected: 'nothing but zeros there',
        fix: 'Archives that were written one behind the other are shards of their own.',
      });
    }
    at += bytes.length;
  }
}

function refuse(
  file: string,
  offset: number,
  got: string,
  parts: Pick<ErrorParts, 'expected'> & Partial<ErrorParts>,
): never {
  throw new ProtomemError({ where: file, what: `offset ${offset}`, got, ...parts });
}
