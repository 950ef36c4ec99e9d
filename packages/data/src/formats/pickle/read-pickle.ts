import { type ErrorParts, ProtomemError } from '@protomem/core';
import type { ByteReader } from '../byte-reader.ts';
import { opcodeName } from './opcodes.ts';
import {
  Dictionary,
  describeValue,
  Global,
  NumpyArray,
  NumpyType,
  type PickleValue,
  Span,
  TorchStorage,
  TorchTensor,
} from './values.ts';

/** Longest text that is read at once: names of functions, types and weights, small numbers. */
const SHORT = 64;
/** Longest line of a name in protocols below 4. */
const LINE = 128;
/** The longest instruction with what is read of it. */
const INSTRUCTION = 2 * LINE + 16;
/** Bytes read at once. */
const CHUNK = 1024;
/** Lists are few, whatever they hold; each costs more memory than anything else that is as short to write. */
const MOST_LISTS = 1000;
/** Of all empty tuples: they cannot change. */
const EMPTY_TUPLE: PickleValue[] = [];

/**
 * Reads the part of Python's pickle format that holds bytes, numbers, lists, tuples, and arrays of numpy: protocols 2 to 5,
 * also as Python 2 writes them. Nothing is executed or looked up: functions are compared with a few known names, such as
 * those that make an array, and what they would make is noted. Bytes are not read, only where they lie.
 *
 * @param offset where the pickle begins, and `end` where it has to end.
 * @param most instructions; a value, its place in a list and its number in the memo take one each. So memory is bounded
 * by about 100 bytes for each instruction, however the pickle is nested, since nothing here recurs.
 * @param torch also reads what PyTorch saves a `state_dict` as: dictionaries, and tensors, noted with where their numbers lie.
 * @throws {ProtomemError} with file, offset and opcode for everything else.
 *
 * Source: Python, Lib/pickletools.py; PEP 307, PEP 3154, PEP 574.
 */
export async function readPickle(
  reader: ByteReader,
  offset: number,
  end: number,
  most: number,
  torch = false,
): Promise<{ readonly value: PickleValue; readonly end: number }> {
  const machine = new Machine(reader.file, torch);
  let chunk: Buffer = Buffer.alloc(0);
  let start = offset;
  let at = offset;
  for (let steps = 0; steps < most; steps++) {
    if (at + INSTRUCTION > start + chunk.length && start + chunk.length < end) {
      const bytes = await reader.read(at, Math.min(CHUNK, end - at));
      chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      start = at;
    }
    if (at >= end) machine.refuse(at, 'the end of the bytes', { expected: 'more instructions, and STOP at the end' });
    const next = machine.step(chunk, at - start, at, end);
    if (next < 0) return { value: machine.result(at), end: at + 1 };
    at = next;
  }
  return machine.refuse(at, `more than ${most} instructions`, {
    expected: torch ? 'the weights of one model' : 'a list of images, or one image',
  });
}

class Machine {
  private readonly stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly file: string;
  private lists = 0;
  /** Of the instruction at hand: the bytes in which it begins at `from`, its place in the file, and where that ends. */
  private bytes: Buffer = Buffer.alloc(0);
  private from = 0;
  private at = 0;
  private end = 0;

  private readonly torch: boolean;

  constructor(file: string, torch: boolean) {
    this.file = file;
    this.torch = torch;
  }

  /**
   * One instruction.
   *
   * @param bytes in which it begins at `from`; in the file, at `at`.
   * @returns where the next one begins in the file; -1 at the end.
   */
  step(bytes: Buffer, from: number, at: number, end: number): number {
    this.bytes = bytes;
    this.from = from;
    this.at = at;
    this.end = end;
    const code = bytes[from]!;
    const opcode = String.fromCharCode(code);
    switch (opcode) {
      case '\x80': {
        if (this.number(1) < 2 || this.number(1) > 5)
          this.refuse(at, `protocol ${this.number(1)}`, { expected: 'protocol 2 to 5' });
        return at + 2;
      }
      case '\x95':
        return this.number(8) > end - at - 9 ? this.refuse(at, 'a FRAME beyond the end') : at + 9;
      case '.':
        return -1;
      case '(':
        this.marks.push(this.stack.length);
        return at + 1;
      case 'N':
        return this.push(null, at + 1);
      case '\x88':
        return this.push(true, at + 1);
      case '\x89':
        return this.push(false, at + 1);
      case 'K':
        return this.push(this.number(1), at + 2);
      case 'M':
        return this.push(this.number(2), at + 3);
      case 'J':
        return this.push(this.number(4) | 0, at + 5);
      case 'U':
      case 'C':
        return this.span('bytes', 1);
      case 'T':
      case 'B':
        return this.span('bytes', 4);
      case '\x8e':
      case '\x96':
        return this.span('bytes', 8);
      case '\x8c':
        return this.span('text', 1);
      case 'X':
        return this.span('text', 4);
      case '\x8d':
        return this.span('text', 8);
      case ']':
        return this.push(this.list([], at), at + 1);
      case ')':
        return this.push(EMPTY_TUPLE, at + 1);
      case 't':
        return this.push(this.sinceMark(at), at + 1);
      case 'l':
        return this.push(this.list(this.sinceMark(at), at), at + 1);
      case '\x85':
      case '\x86':
      case '\x87':
        return this.push(this.take(code - 0x84, at), at + 1);
      case 'a':
        return this.append(this.take(1, at), at);
      case 'e':
        return this.append(this.sinceMark(at), at);
      case 'q':
        this.memo.set(this.number(1), this.top(at));
        return at + 2;
      case 'r':
        this.memo.set(this.number(4), this.top(at));
        return at + 5;
      case '\x94':
        this.memo.set(this.memo.size, this.top(at));
        return at + 1;
      case 'h':
        return this.push(this.recall(this.number(1), at), at + 2);
      case 'j':
        return this.push(this.recall(this.number(4), at), at + 5);
      case 'c': {
        const first = bytes.indexOf(10, from);
        const second = first < 0 ? -1 : bytes.indexOf(10, first + 1);
        if (second < 0 || second - from > 2 * LINE) this.refuse(at, 'GLOBAL without a name that ends');
        const [module, name] = bytes.toString('latin1', from + 1, second).split('\n');
        return this.push(new Global(`${module}.${name}`), at + second + 1 - from);
      }
      case '\x93': {
        const [module, name] = this.take(2, at).map((part) => (part instanceof Span ? part.short : undefined));
        if (module === undefined || name === undefined) this.refuse(at, 'STACK_GLOBAL without a short name');
        return this.push(new Global(`${module}.${name}`), at + 1);
      }
      case 'R': {
        const [made, args] = this.take(2, at);
        return this.push(this.call(made, args, at), at + 1);
      }
      case 'b':
        this.build(this.take(1, at)[0], at);
        return at + 1;
      default:
        return this.torch ? this.torchStep(opcode, at) : this.refuse(at, opcodeName(code));
    }
  }

  /** What is only in pickles of PyTorch. */
  private torchStep(opcode: string, at: number): number {
    switch (opcode) {
      case '}':
        return this.push(new Dictionary(), at + 1);
      case 's':
        return this.set(this.take(2, at), at);
      case 'u':
        return this.set(this.sinceMark(at), at);
      case 'Q': {
        const [id] = this.take(1, at);
        const [word, type, key] = Array.isArray(id) ? id : [];
        const texts = [word, key].map((part) => (part instanceof Span ? part.short : undefined));
        if (texts[0] !== 'storage' || texts[1] === undefined || !(type instanceof Global)) {
          return this.refuse(at, 'a reference to something else than numbers');
        }
        return this.push(new TorchStorage(type.name.replace(/^torch\.(storage\.)?/, ''), texts[1]), at + 1);
      }
      case 'G':
        if (at + 9 > this.end) this.refuse(at, 'a cut BINFLOAT');
        return this.push(this.bytes.readDoubleBE(this.from + 1), at + 9);
      case '\x8a':
        // A long: numbers of epochs or steps, which nobody asks for.
        return this.push(null, at + 2 + this.number(1));
      default:
        return this.refuse(at, opcodeName(opcode.charCodeAt(0)));
    }
  }

  /** Keys and values, by turns, into the dictionary below them. */
  private set(items: readonly PickleValue[], at: number): number {
    const dictionary = this.top(at);
    if (!(dictionary instanceof Dictionary)) return this.refuse(at, `${describeValue(dictionary)} to set items of`);
    for (let i = 0; i + 1 < items.length; i += 2) {
      const key = items[i]!;
      // Numbers name the state of an optimizer.
      const name = key instanceof Span ? key.short : typeof key === 'number' ? String(key) : undefined;
      if (name === undefined)
        return this.refuse(at, `a key that is ${describeValue(key)}, not a text of up to ${SHORT} bytes`);
      dictionary.entries.set(name, items[i + 1]!);
    }
    return at + 1;
  }

  /** The one value that is left at the end. */
  result(at: number): PickleValue {
    const [value] = this.stack;
    if (this.stack.length !== 1 || this.marks.length > 0) this.refuse(at, `STOP with ${this.stack.length} values`);
    return value!;
  }

  refuse(at: number, got: string, parts: Partial<ErrorParts> = {}): never {
    throw new ProtomemError({
      where: this.file,
      what: `offset ${at}`,
      got,
      expected: 'a pickle of bytes, numbers, lists, tuples and arrays of numpy; anything else is not read, nor run',
      fix: 'Write it in Python as bytes and numbers, with protocol 2 to 5.',
      ...parts,
    });
  }

  /** The number of so many bytes after the opcode. */
  private number(size: number): number {
    const { bytes, from } = this;
    if (from + 1 + size > bytes.length) this.refuse(this.at, `a cut ${opcodeName(bytes[from]!)}`);
    // Lengths of 8 bytes are compared with the file, so that digits lost beyond 2^53 do not matter.
    return size === 8 ? Number(bytes.readBigUInt64LE(from + 1)) : bytes.readUIntLE(from + 1, size);
  }

  /** Bytes after a length of so many bytes. */
  private span(kind: 'bytes' | 'text', size: number): number {
    const { bytes, from, at, end } = this;
    const length = this.number(size);
    const begin = at + 1 + size;
    if (begin + length > end) {
      this.refuse(at, `${opcodeName(bytes[from]!)} of ${length} bytes, ${end - begin} before the end`);
    }
    const text = from + 1 + size;
    const short =
      length <= SHORT ? bytes.toString(kind === 'text' ? 'utf8' : 'latin1', text, text + length) : undefined;
    this.stack.push(new Span(kind, begin, length, short));
    return begin + length;
  }

  private list(values: PickleValue[], at: number): PickleValue[] {
    if (++this.lists > MOST_LISTS) this.refuse(at, `more than ${MOST_LISTS} lists`);
    return values;
  }

  private push(value: PickleValue, next: number): number {
    this.stack.push(value);
    return next;
  }

  private top(at: number): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) this.refuse(at, 'an instruction without its value');
    return this.stack.at(-1)!;
  }

  private take(count: number, at: number): PickleValue[] {
    const from = this.stack.length - count;
    if (from < (this.marks.at(-1) ?? 0)) this.refuse(at, 'an instruction without its values');
    return this.stack.splice(from);
  }

  private sinceMark(at: number): PickleValue[] {
    const from = this.marks.pop();
    return from === undefined ? this.refuse(at, 'an instruction without its MARK') : this.stack.splice(from);
  }

  private append(values: readonly PickleValue[], at: number): number {
    const list = this.top(at);
    if (!Array.isArray(list) || list === EMPTY_TUPLE) this.refuse(at, `${describeValue(list)} to append to`);
    for (const value of values) list.push(value);
    return at + 1;
  }

  private recall(key: number, at: number): PickleValue {
    return this.memo.get(key) ?? (this.memo.has(key) ? null : this.refuse(at, `memo ${key}, which is not set`));
  }

  /** What a known function would return. */
  private call(made: PickleValue | undefined, args: PickleValue | undefined, at: number): PickleValue {
    if (!(made instanceof Global) || !Array.isArray(args)) this.refuse(at, 'REDUCE without a name and a tuple');
    // numpy 2 has renamed its module.
    const name = made.name.replace(/^numpy\._core\./, 'numpy.core.').replace(/^__builtin__\./, 'builtins.');
    const [first, second] = args;
    const torch = this.torch ? torchCall(name, args) : undefined;
    if (torch) return torch;
    switch (name) {
      case '_codecs.encode':
        if (first instanceof Span && first.kind === 'text' && isLatin1(second)) return asLatin1(first);
        break;
      case 'builtins.bytes':
        if (args.length === 0) return new Span('bytes', at, 0, '');
        break;
      case 'builtins.bytearray':
        if (args.length === 0) return new Span('bytes', at, 0, '');
        if (first instanceof Span && first.kind !== 'text' && args.length === 1) return first;
        if (first instanceof Span && first.kind === 'text' && isLatin1(second)) return asLatin1(first);
        break;
      case 'numpy.dtype':
        if (first instanceof Span && first.short !== undefined) return new NumpyType(first.short);
        break;
      case 'numpy.core.multiarray._reconstruct':
        if (first instanceof Global && first.name === 'numpy.ndarray') return new NumpyArray();
        break;
      case 'numpy.core.multiarray.scalar':
      case 'numpy.core.numeric._frombuffer': {
        const [type, data] = name.endsWith('scalar') ? [first, second] : [second, first];
        if (type instanceof NumpyType && data instanceof Span && data.kind !== 'text') {
          return new NumpyArray(type, data);
        }
        break;
      }
    }
    return this.refuse(
      at,
      `a call of ${made.name} with ${args.slice(0, 4).map(describeValue).join(', ') || 'nothing'}`,
    );
  }

  /** Gives an array its type and bytes, and a type its byte order. */
  private build(state: PickleValue | undefined, at: number): void {
    const object = this.top(at);
    // A `state_dict` has its version so, beside its items.
    if (object instanceof Dictionary) return;
    const parts = Array.isArray(state) ? state : [];
    if (object instanceof NumpyType) {
      const order = parts[1];
      if (order instanceof Span && (order.short === '<' || order.short === '|')) return;
      this.refuse(at, 'a type of numpy that is not little-endian');
    }
    const [, , type, , data] = parts;
    if (object instanceof NumpyArray && type instanceof NumpyType && data instanceof Span && data.kind !== 'text') {
      object.type = type;
      object.data = data;
      return;
    }
    this.refuse(at, `BUILD of ${describeValue(object)}`);
  }
}

/** What functions of PyTorch would return. */
function torchCall(name: string, args: readonly PickleValue[]): PickleValue | undefined {
  if (name === 'collections.OrderedDict' && args.length === 0) return new Dictionary();
  if (name === 'torch._utils._rebuild_parameter' && args[0] instanceof TorchTensor) return args[0];
  if (name !== 'torch._utils._rebuild_tensor_v2') return undefined;
  const [storage, offset, shape, stride] = args;
  const counts = (value: PickleValue | undefined): value is number[] =>
    Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && (one as number) >= 0);
  if (!(storage instanceof TorchStorage) || !counts([offset!]) || !counts(shape) || !counts(stride)) return undefined;
  return shape.length === stride.length ? new TorchTensor(storage, offset as number, shape, stride) : undefined;
}

function isLatin1(value: PickleValue | undefined): boolean {
  return value instanceof Span && /^latin-?1$/.test(value.short ?? '');
}

function asLatin1({ offset, length, short }: Span): Span {
  return new Span('latin1', offset, length, short);
}
