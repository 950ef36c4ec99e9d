import { check, ProtomemError } from './errors.ts';
import { isObject, parseJson } from './json.ts';
import type { DtypeArrays, TensorData, TensorDtype } from './state.ts';

const constructors = {
  F32: Float32Array,
  F64: Float64Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: Float64Array,
  I32: Int32Array,
  U8: Uint8Array,
  U16: Uint16Array,
  U32: Uint32Array,
} as const;

/** The format's own limit on its header, which keeps a hostile length from allocating the machine's memory. */
const MAX_HEADER_BYTES = 100_000_000;

const OTHER_COPY = 'The file is cut short or is not a safetensors file; use another copy.';

/** The key of the header that is no tensor. */
const METADATA = '__metadata__';

/** Tensors by name and the free-text metadata of a safetensors file. */
export interface Safetensors {
  readonly tensors: Readonly<Record<string, TensorData>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Encodes tensors as a safetensors file, in pieces ready to be written one after the other (no copy of the data).
 * Format: u64 header length, JSON header padded with spaces to 8 bytes, then the tensors' bytes, little-endian.
 *
 * Source: https://huggingface.co/docs/safetensors, format section.
 *
 * @example
 * ```ts
 * await writeFileAtomic('encoder.safetensors', ...encodeSafetensors({ tensors, metadata: { encoder: 'iresnet18' } }));
 * ```
 */
export function encodeSafetensors(file: Safetensors): Uint8Array[] {
  const names = inFileOrder(file.tensors);
  const entries: [string, unknown][] = [];
  if (Object.keys(file.metadata).length > 0) entries.push([METADATA, file.metadata]);
  const bodies: Uint8Array[] = [];
  let offset = 0;
  for (const name of names) {
    const { dtype, shape, data } = file.tensors[name]!;
    check(name !== METADATA, () => ({
      where: 'encodeSafetensors',
      what: 'the name of a tensor',
      got: name,
      expected: 'another one: this is where the format keeps its metadata',
    }));
    check(dtype !== 'I64', () => ({
      where: 'encodeSafetensors',
      what: `dtype of tensor "${name}"`,
      got: dtype,
      expected: 'F64 or I32: integers of 64 bits are only read',
    }));
    if (shape.reduce((a, b) => a * b, 1) !== data.length) {
      throw new ProtomemError({
        where: 'encodeSafetensors',
        what: `length of tensor "${name}"`,
        got: data.length,
        expected: `the product of its shape ${JSON.stringify(shape)}`,
      });
    }
    entries.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }]);
    bodies.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  // Unlike an assignment, this takes `__proto__` as the name that it is.
  let json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const padded = Math.ceil(json.length / 8) * 8;
  if (padded > json.length) {
    const spaces = new Uint8Array(padded).fill(0x20);
    spaces.set(json);
    json = spaces;
  }
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return [length, json, ...bodies];
}

/** Names of tensors as their bytes stand in a file: wider elements first, so that each is aligned to its own element size. */
export function inFileOrder(tensors: Safetensors['tensors']): string[] {
  return Object.keys(tensors).sort(
    (a, b) => tensors[b]!.data.BYTES_PER_ELEMENT - tensors[a]!.data.BYTES_PER_ELEMENT || (a < b ? -1 : a > b ? 1 : 0),
  );
}

/**
 * Decodes a safetensors file. Lengths, offsets and shapes are all checked before anything is allocated; a file that is
 * cut short, overlong or inconsistent is refused with the offset at fault: each byte of the data belongs to one tensor, as
 * the format says.
 *
 * @param bytes the whole file.
 * @param where names the file in errors.
 * @returns tensors that own their memory (copies), and the metadata.
 */
export function decodeSafetensors(bytes: Uint8Array, where = 'decodeSafetensors'): Safetensors {
  const fail: Fail = (what, got, expected) => {
    throw new ProtomemError({ where, what, got, expected, fix: OTHER_COPY });
  };
  if (bytes.length < 8) return fail('its length', bytes.length, 'at least 8 bytes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > MAX_HEADER_BYTES || 8 + headerLength > bytes.length) {
    return fail(
      'the header length at offset 0',
      headerLength,
      `at most ${Math.min(bytes.length - 8, MAX_HEADER_BYTES)} (the file has ${bytes.length} bytes)`,
    );
  }
  const header = parseHeader(bytes.subarray(8, 8 + headerLength), where, fail);
  // A Buffer's own `slice` would share the file's memory instead of copying.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + headerLength, bytes.length - 8 - headerLength);
  const { [METADATA]: metadata = {}, ...others } = header;
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    return fail(METADATA, metadata, 'an object of texts');
  }
  const entries = Object.entries(others).map(([name, entry]) => checkEntry(name, entry, fail));
  checkTiling(entries, body.length, fail);
  const tensors = entries.map(({ name, dtype, shape, begin, end }) => {
    const copy = body.slice(begin, end);
    const data =
      dtype === 'I64'
        ? Float64Array.from(new BigInt64Array(copy.buffer), Number)
        : new constructors[dtype](copy.buffer);
    return [name, { dtype, shape, data } as TensorData] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata: metadata as Record<string, string> };
}

type Fail = (what: string, got: unknown, expected: string) => never;

/** What the header says of a tensor. */
interface Entry {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(bytes: Uint8Array, where: string, fail: Fail): Record<string, unknown> {
  const what = 'the header at offset 8';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail(what, 'other bytes', 'text in UTF-8');
  }
  const parsed = parseJson(text, { where, what, fix: OTHER_COPY });
  return isObject(parsed) ? parsed : fail(what, parsed, 'a JSON object');
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkEntry(name: string, entry: unknown, fail: Fail): Entry {
  if (!isObject(entry)) return fail(`tensor "${name}"`, entry, 'an object with dtype, shape and data_offsets');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(constructors, dtype)) {
    return fail(`dtype of tensor "${name}"`, dtype, `one of ${Object.keys(constructors).join(', ')}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return fail(`shape of tensor "${name}"`, shape, 'an array of counts');
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return fail(`data_offsets of tensor "${name}"`, offsets, 'two byte offsets');
  }
  const [begin, end] = offsets as [number, number];
  const known = dtype as TensorDtype;
  const expected = shape.reduce((a, b) => a * b, constructors[known].BYTES_PER_ELEMENT);
  if (end - begin !== expected) return fail(`data_offsets of tensor "${name}"`, offsets, `${expected} bytes`);
  return { name, dtype: known, shape, begin, end };
}

/** Without gap or overlap, from the first byte to the last. */
function checkTiling(entries: readonly Entry[], length: number, fail: Fail): void {
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (end > length) {
      fail(
        `data_offsets of tensor "${name}"`,
        [begin, end],
        `${end - begin} bytes inside the file's ${length} data bytes`,
      );
    }
    if (begin !== covered) {
      const expected = `${covered}, where the tensors before it end: they neither overlap nor leave a gap`;
      fail(`the begin of tensor "${name}"`, begin, expected);
    }
    covered = end;
  }
  if (covered !== length) fail('its data length', length, `${covered} bytes, as its header says`);
}

/** The tensor `name` of a state, checked for dtype and shape (`null` in a shape matches any size). */
export function takeTensor<D extends TensorDtype>(
  where: string,
  tensors: Readonly<Record<string, TensorData>>,
  name: string,
  dtype: D,
  shape: readonly (number | null)[],
): DtypeArrays[D] {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  const fits =
    tensor !== undefined &&
    tensor.dtype === dtype &&
    tensor.shape.length === shape.length &&
    shape.every((n, i) => n === null || n === tensor.shape[i]);
  if (!fits) {
    throw new ProtomemError({
      where,
      what: `tensor "${name}"`,
      got: tensor ? `${tensor.dtype} ${JSON.stringify(tensor.shape)}` : 'missing',
      expected: `${dtype} ${JSON.stringify(shape)}`,
    });
  }
  return tensor.data as DtypeArrays[D];
}
