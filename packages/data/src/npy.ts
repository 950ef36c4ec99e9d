import { open } from 'node:fs/promises';
import { check, ProtomemError } from '@protomem/core';
import { systemReason } from '@protomem/core/node';

/** An array of NumPy's format. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** Row-major; float16 and float64 are converted. */
  readonly values: Float32Array;
}

const kinds: Readonly<Record<string, { readonly bytes: number; read(view: DataView, at: number): number }>> = {
  '<f4': { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  '<f8': { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  '<f2': { bytes: 2, read: (view, at) => halfToNumber(view.getUint16(at, true)) },
  '>f4': { bytes: 4, read: (view, at) => view.getFloat32(at, false) },
  '>f8': { bytes: 8, read: (view, at) => view.getFloat64(at, false) },
};

/**
 * Reads an array of floats that `numpy.save` wrote: embeddings, `[N, width]`, as any tool leaves them.
 *
 * @throws {ProtomemError} with the file's offset when it is no such array, or is longer or shorter than its header says.
 *   Pickled objects are refused: nothing in a file is ever run.
 *
 * Source: NumPy's documentation, numpy.lib.format, versions 1.0 to 3.0.
 *
 * @example
 * ```ts
 * const { shape: [rows, width], values } = await readNpy('embeddings.npy');
 * ```
 */
export async function readNpy(path: string): Promise<NpyArray> {
  const refuse = (what: string, got: unknown, expected: string, fix?: string): never => {
    throw new ProtomemError({ where: path, what, got, expected, ...(fix ? { fix } : {}) });
  };
  const file = await open(path).catch((error: Error) => {
    const [got, expected] = [systemReason(error), 'a file of numpy.save'];
    throw new ProtomemError({ where: 'readNpy', what: path, got, expected }, { cause: error });
  });
  try {
    const { size } = await file.stat();
    const start = Buffer.alloc(12);
    const { bytesRead } = await file.read(start, 0, 12, 0);
    if (bytesRead < 12 || start.toString('latin1', 0, 6) !== '\x93NUMPY') {
      refuse('offset 0', JSON.stringify(start.toString('latin1', 0, 6)), '"\\x93NUMPY", an array of numpy.save');
    }
    const version = start[6]!;
    if (version < 1 || version > 3) refuse('offset 6', version, 'version 1, 2 or 3');
    const [length, from] = version === 1 ? [start.readUInt16LE(8), 10] : [start.readUInt32LE(8), 12];
    if (length > 65_536 || from + length > size) refuse('offset 8', length, 'the length of a header that is there');
    const header = Buffer.alloc(length);
    await file.read(header, 0, length, from);
    const text = header.toString(version === 3 ? 'utf8' : 'latin1');
    const [, descr] = /'descr'\s*:\s*'([^']*)'/.exec(text) ?? [];
    const [, order] = /'fortran_order'\s*:\s*(True|False)/.exec(text) ?? [];
    const [, dimensions] = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text) ?? [];
    if (descr === undefined || order === undefined || dimensions === undefined) {
      refuse(`offset ${from}`, text.trim(), "a header with 'descr', 'fortran_order' and 'shape'");
    }
    const kind = Object.hasOwn(kinds, descr!) ? kinds[descr!]! : undefined;
    if (!kind) refuse('descr', descr, `one of ${Object.keys(kinds)}`, 'Save it with .astype(numpy.float32).');
    if (order === 'True') refuse('fortran_order', order, 'False', 'Save numpy.ascontiguousarray of it.');
    const shape = dimensions!.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
    const count = shape.reduce((product, one) => product * one, 1);
    const bytes = size - from - length;
    if (count * kind!.bytes !== bytes) {
      refuse(
        'length',
        `${bytes} bytes of numbers`,
        `${count * kind!.bytes} for the shape (${shape})`,
        'The file is cut short or damaged.',
      );
    }
    const values = new Float32Array(count);
    const chunk = Buffer.alloc(Math.min(2 ** 22, bytes));
    for (let done = 0; done < count; ) {
      const wanted = Math.min(chunk.length, (count - done) * kind!.bytes);
      const { bytesRead } = await file.read(chunk, 0, wanted, from + length + done * kind!.bytes);
      const whole = Math.floor(bytesRead / kind!.bytes);
      check(whole > 0, () => ({
        where: path,
        what: 'length',
        got: 'cut while it was read',
        expected: 'a file at rest',
      }));
      const view = new DataView(chunk.buffer, chunk.byteOffset, bytesRead);
      for (let i = 0; i < whole; i++) values[done + i] = kind!.read(view, i * kind!.bytes);
      done += whole;
    }
    return { shape, values };
  } finally {
    await file.close();
  }
}

/** The head of a file of float32 rows, to be followed by their bytes: version 1.0, padded to 64 bytes. */
export function npyHeader(shape: readonly number[]): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = Buffer.alloc(10 + length, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(length, 8);
  header.write(text, 10, 'latin1');
  header.write('\n', 10 + length - 1, 'latin1');
  return header;
}

function halfToNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
