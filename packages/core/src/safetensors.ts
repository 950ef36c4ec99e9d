import { ProtomemError } from './errors.ts';
import type { DtypeArrays, TensorData, TensorDtype } from './state.ts';

const constructors = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  U8: Uint8Array,
  U16: Uint16Array,
  U32: Uint32Array,
} as const;

/** The format's own limit on its header, which keeps a hostile length from allocating the machine's memory. */
const MAX_HEADER_BYTES = 100_000_000;

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
  const header: Record<string, unknown> = {};
  if (Object.keys(file.metadata).length > 0) header.__metadata__ = file.metadata;
  const bodies: Uint8Array[] = [];
  let offset = 0;
  for (const name of names) {
    const { dtype, shape, data } = file.tensors[name]!;
    if (shape.reduce((a, b) => a * b, 1) !== data.length) {
      throw new ProtomemError({
        where: 'encodeSafetensors',
        what: `length of tensor "${name}"`,
        got: data.length,
        expected: `the product of its shape ${JSON.stringify(shape)}`,
      });
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    bodies.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  let json = new TextEncoder().encode(JSON.stringify(header));
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
 * cut short, overlong or inconsistent is refused with the offset at fault.
 *
 * @param bytes the whole file.
 * @param where names the file in errors.
 * @returns tensors that own their memory (copies), and the metadata.
 */
export function decodeSafetensors(bytes: Uint8Array, where = 'decodeSafetensors'): Safetensors {
  const fail = (what: string, got: unknown, expected: string): never => {
    throw new ProtomemError({
      where,
      what,
      got,
      expected,
      fix: 'The file is cut short or is not a safetensors file; use another copy.',
    });
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
  const header = parseHeader(bytes.subarray(8, 8 + headerLength), fail);
  // A Buffer's own `slice` would share the file's memory instead of copying.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + headerLength, bytes.length - 8 - headerLength);
  const tensors: Record<string, TensorData> = {};
  let covered = 0;
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = entry as {
      dtype?: unknown;
      shape?: unknown;
      data_offsets?: unknown;
    };
    if (typeof dtype !== 'string' || !Object.hasOwn(constructors, dtype)) {
      return fail(`dtype of tensor "${name}"`, dtype, `one of ${Object.keys(constructors).join(', ')}`);
    }
    const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
    if (!Array.isArray(shape) || !shape.every(isCount)) {
      return fail(`shape of tensor "${name}"`, shape, 'an array of counts');
    }
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
      return fail(`data_offsets of tensor "${name}"`, offsets, 'two byte offsets');
    }
    const [begin, end] = offsets as [number, number];
    const Elements = constructors[dtype as TensorDtype];
    const expected = shape.reduce((a, b) => a * b, Elements.BYTES_PER_ELEMENT);
    if (end - begin !== expected || end > body.length) {
      return fail(
        `data_offsets of tensor "${name}"`,
        offsets,
        `${expected} bytes inside the file's ${body.length} data bytes`,
      );
    }
    covered += expected;
    const copy = body.slice(begin, end);
    tensors[name] = {
      dtype,
      shape,
      data: new Elements(copy.buffer, 0, copy.byteLength / Elements.BYTES_PER_ELEMENT),
    } as TensorData;
  }
  if (covered !== body.length) fail('its data length', body.length, `${covered} bytes, as its header says`);
  const metadata = (header.__metadata__ ?? {}) as Record<string, string>;
  return { tensors, metadata };
}

function parseHeader(
  bytes: Uint8Array,
  fail: (what: string, got: unknown, expected: string) => never,
): Record<string, unknown> {
  const text = new TextDecoder().decode(bytes);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return fail('the header at offset 8', text.slice(0, 40), 'JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return fail('the header at offset 8', parsed, 'a JSON object');
  }
  return parsed as Record<string, unknown>;
}

/** The tensor `name` of a state, checked for dtype and shape (`null` in a shape matches any size). */
export function takeTensor<D extends TensorDtype>(
  where: string,
  tensors: Readonly<Record<string, TensorData>>,
  name: string,
  dtype: D,
  shape: readonly (number | null)[],
): DtypeArrays[D] {
  const tensor = tensors[name];
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
