import { ProtomemError } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';

/**
 * Bytes or text inside a pickle, not copied. `latin1` is how protocol 2 writes bytes from Python 3: as text in UTF-8
 * whose code points are the bytes.
 */
export class Span {
  readonly kind: 'bytes' | 'text' | 'latin1';
  readonly offset: number;
  readonly length: number;
  /** The text, or a character for each byte; only where it is short, as names and numbers are. */
  readonly short: string | undefined;

  constructor(kind: Span['kind'], offset: number, length: number, short?: string) {
    this.kind = kind;
    this.offset = offset;
    this.length = length;
    this.short = short;
  }
}

/** A function or class by name. It is never looked up, only compared with names that are known. */
export class Global {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Element type of an array of numpy, such as `u1`. */
export class NumpyType {
  readonly code: string;

  constructor(code: string) {
    this.code = code;
  }
}

/** An array or scalar of numpy. */
export class NumpyArray {
  type: NumpyType | undefined;
  data: Span | undefined;

  constructor(type?: NumpyType, data?: Span) {
    this.type = type;
    this.data = data;
  }
}

/** A dictionary whose keys are short texts. */
export class Dictionary {
  readonly entries = new Map<string, PickleValue>();
}

/** A tensor of PyTorch: a view of a storage, which lies in a file of its own. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];

  constructor(storage: TorchStorage, offset: number, shape: readonly number[], stride: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
  }
}

/** Numbers of PyTorch by the key of their file. */
export class TorchStorage {
  /** Such as `FloatStorage`. */
  readonly type: string;
  readonly key: string;

  constructor(type: string, key: string) {
    this.type = type;
    this.key = key;
  }
}

/** What a pickle may hold here. Lists and tuples are arrays; nothing walks them deeper than a reader says. */
export type PickleValue =
  | null
  | boolean
  | number
  | Span
  | Global
  | NumpyType
  | NumpyArray
  | Dictionary
  | TorchStorage
  | TorchTensor
  | PickleValue[];

const integers: Readonly<Record<string, number>> = { b1: 1, i1: 1, u1: 1, i2: 2, u2: 2, i4: 4, u4: 4, i8: 8, u8: 8 };

/** The bytes that a value is: bytes, a bytearray or an array of `uint8`. */
export function bytesOf(value: PickleValue | undefined): Span | undefined {
  if (value instanceof NumpyArray) return value.type?.code === 'u1' ? value.data : undefined;
  return value instanceof Span && value.kind !== 'text' ? value : undefined;
}

/** The integer that a value is: a number, a truth value, or one of numpy's, alone or in an array of one. */
export function integerOf(value: PickleValue | undefined): number | undefined {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') return value;
  if (!(value instanceof NumpyArray)) return undefined;
  const code = value.type?.code ?? '';
  const size = integers[code];
  const bytes = Buffer.from(value.data?.short ?? '', 'latin1');
  if (size === undefined || bytes.length !== size) return undefined;
  if (size < 8) return code.startsWith('i') ? bytes.readIntLE(0, size) : bytes.readUIntLE(0, size);
  // Numbers that are not below 2^48, negative ones among them, are nobody's label.
  return bytes[6] === 0 && bytes[7] === 0 ? bytes.readUIntLE(0, 6) : undefined;
}

/** Whether a truth value of an array, if the value is such an array. */
export function isFlags(value: PickleValue | undefined): value is NumpyArray & { data: Span } {
  return value instanceof NumpyArray && value.type?.code === 'b1' && value.data !== undefined;
}

/** What a value is, for messages. */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list or tuple of ${value.length}`;
  if (value instanceof Span) return value.kind === 'text' ? 'text' : 'bytes';
  if (value instanceof NumpyArray) return `an array of ${value.type?.code ?? 'nothing'}`;
  if (value instanceof Global) return value.name;
  if (value instanceof NumpyType) return `the type ${value.code}`;
  if (value instanceof Dictionary) return `a dictionary of ${value.entries.size}`;
  if (value instanceof TorchStorage) return `a ${value.type}`;
  if (value instanceof TorchTensor) return `a tensor [${value.shape.join(', ')}]`;
  return value === null ? 'None' : String(value);
}

/** The bytes that a span of kind `latin1` stands for. */
export function fromLatin1(bytes: Uint8Array, file: string, offset: number): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  const decoded = Buffer.from(text, 'latin1');
  // Whatever is no UTF-8, or beyond a byte, does not come back.
  if (Buffer.from(decoded.toString('latin1'), 'utf8').equals(bytes)) return decoded;
  const expected = 'text whose characters are bytes, as protocol 2 writes bytes';
  throw new ProtomemError({ where: file, what: `offset ${offset}`, got: 'other text', expected });
}

/** Copies the bytes of a span. */
export async function readSpan(reader: ByteReader, span: Span): Promise<Uint8Array> {
  const bytes = await reader.read(span.offset, span.length);
  return span.kind === 'latin1' ? fromLatin1(bytes, reader.file, span.offset) : Uint8Array.from(bytes);
}
