import { type ErrorParts, ProtomemError } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';

/** Where bytes come from, for messages. */
export interface Place {
  readonly file: string;
  readonly offset: number;
}

/**
 * One record of a RecordIO file: parts, each `magic u32 | flag << 29 | length u32 | bytes | zeros up to 4`. A payload in
 * which the magic number stands at a multiple of four bytes is split there, and the reader puts it back; so a search
 * for the magic number finds the beginning of a part.
 *
 * An image's payload: `count u32 | label f32 | id u64 | id2 u64 | count labels f32 | image file`; `label` counts when
 * `count` is 0. All numbers are little-endian.
 *
 * Source: dmlc-core, include/dmlc/recordio.h; MXNet, python/mxnet/recordio.py.
 */
export const MAGIC = 0xced7230a;
/** Of dmlc-core before 2016: another number with another split of flag and length. */
const OLD_MAGIC = 0x3ed7230a;
/** What may follow the magic number: a whole payload, or its first, a middle, or its last part. */
export const partKinds = { whole: 0, first: 1, middle: 2, last: 3 } as const;
/** Lengths have 29 bits. */
export const MAX_PART = 2 ** 29 - 1;
/** Longest record that is read, with its headers. An image is a thousandth of it. */
const MAX_RECORD = 2 ** 30;
/** Bytes before the labels. */
const LABELS = 24;

/** What stands before the image in a payload. */
interface ImageHeader {
  /** Number of labels in an array; 0 for the scalar. */
  readonly count: number;
  /** The first ones, at most two; NaN where there is none. */
  readonly labels: readonly [number, number];
  /** Where the image begins in the payload. */
  readonly start: number;
}

/** A record without its image. */
export interface RecordHead extends ImageHeader {
  readonly offset: number;
  /** Bytes of the record in the file, up to the next. */
  readonly length: number;
  /** Bytes of the image. */
  readonly imageBytes: number;
}

/** Whether a record begins at an offset, whole or not. */
export async function beginsRecord(reader: ByteReader, offset: number): Promise<boolean> {
  if (offset + 8 > reader.size) return false;
  const magic = word(await reader.read(offset, 4), 0);
  return magic === MAGIC || magic === OLD_MAGIC;
}

/** Reads what a record says about its image, and where it ends. */
export async function readRecordHead(reader: ByteReader, offset: number): Promise<RecordHead> {
  const { file, size } = reader;
  // The header, and two labels.
  const head = new Uint8Array(LABELS + 8);
  let payload = 0;
  let at = offset;
  for (let kind: number = partKinds.middle, part = 0; kind !== partKinds.whole && kind !== partKinds.last; part++) {
    if (part > 0) payload += putMagic(head, payload);
    const place = { file, offset: at };
    const found = partAt(await reader.read(at, 8), 0, part, place);
    kind = found.kind;
    if (at + 8 + found.length > size) refuse(place, `a part of ${found.length} bytes, ${size - at - 8} in the file`);
    const wanted = Math.min(found.length, Math.max(0, head.length - payload));
    if (wanted > 0) head.set(await reader.read(at + 8, wanted), payload);
    payload += found.length;
    at += 8 + padded(found.length);
    if (at - offset > MAX_RECORD) refuse({ file, offset }, `a record of more than ${MAX_RECORD} bytes`);
  }
  const image = imageHeader(head, payload, { file, offset });
  // Only the last record of a file may lack its padding.
  return { ...image, offset, length: Math.min(at, size) - offset, imageBytes: payload - image.start };
}

/** The image file in the bytes of a record; more bytes may follow it. */
export function imageOfRecord(record: Uint8Array, place: Place): Uint8Array {
  const payload = joinParts(record, place);
  return payload.subarray(imageHeader(payload, payload.length, place).start);
}

/** The payload of a record. */
export function joinParts(record: Uint8Array, place: Place): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  let at = 0;
  for (let part = 0; ; part++) {
    const here = { file: place.file, offset: place.offset + at };
    if (at + 8 > record.length) refuse(here, `${record.length - at} bytes of a part's header`);
    const found = partAt(record, at, part, here);
    const bytes = record.subarray(at + 8, at + 8 + found.length);
    if (bytes.length < found.length)
      refuse(here, `a part of ${found.length} bytes, of which ${bytes.length} are there`);
    if (found.kind === partKinds.whole) return bytes;
    parts.push(bytes);
    length += bytes.length;
    at += 8 + padded(found.length);
    if (found.kind === partKinds.last) break;
  }
  const payload = new Uint8Array(length + 4 * (parts.length - 1));
  let to = 0;
  for (const [i, bytes] of parts.entries()) {
    if (i > 0) to += putMagic(payload, to);
    payload.set(bytes, to);
    to += bytes.length;
  }
  return payload;
}

function partAt(bytes: Uint8Array, at: number, part: number, place: Place): { kind: number; length: number } {
  const magic = word(bytes, at);
  if (magic !== MAGIC) {
    refuse(place, magic === OLD_MAGIC ? 'the number of dmlc-core before 2016' : `0x${magic.toString(16)}`, {
      expected: `0x${MAGIC.toString(16)}, with which a record begins`,
      fix:
        magic === OLD_MAGIC
          ? 'Write the file anew with a recent MXNet.'
          : 'This is no RecordIO file, it is damaged, or its .idx is of another file: without the .idx it is scanned.',
    });
  }
  const code = word(bytes, at + 4);
  const kind = code >>> 29;
  const fits = part === 0 ? kind === partKinds.whole || kind === partKinds.first : kind === 2 || kind === 3;
  if (!fits) {
    const expected = part === 0 ? '0 (a whole record) or 1 (its first part)' : '2 (a middle part) or 3 (the last one)';
    refuse(place, `a part of kind ${kind}`, { expected });
  }
  return { kind, length: code & MAX_PART };
}

/** @param head the payload, or at least its first 32 bytes. */
function imageHeader(head: Uint8Array, payload: number, place: Place): ImageHeader {
  if (payload < LABELS)
    refuse(place, `a record of ${payload} bytes`, { expected: `the ${LABELS} of an image's header` });
  const count = word(head, 0);
  const start = LABELS + 4 * count;
  if (start > payload) {
    refuse(place, `${count} labels in a record of ${payload} bytes`, { expected: 'no more labels than bytes' });
  }
  const label = (i: number): number => (i < count ? float(head, LABELS + 4 * i) : Number.NaN);
  return { count, labels: count === 0 ? [float(head, 4), Number.NaN] : [label(0), label(1)], start };
}

function putMagic(to: Uint8Array, at: number): number {
  for (let i = 0; i < 4 && at + i < to.length; i++) to[at + i] = (MAGIC >>> (8 * i)) & 255;
  return 4;
}

/** Length with the zeros that follow. */
export function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/** Little-endian unsigned 32-bit number. */
export function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function float(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat32(at, true);
}

function refuse({ file, offset }: Place, got: string, parts: Partial<ErrorParts> = {}): never {
  throw new ProtomemError({
    where: file,
    what: `offset ${offset}`,
    got,
    expected: 'whole records',
    fix: 'The file is damaged or was cut short: copy it again.',
    ...parts,
  });
}
