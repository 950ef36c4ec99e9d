import { check, ProtomemError, type TensorDtype } from '@protomem/core';
import { systemReason } from '@protomem/core/node';
import { readTorchPickle, type TorchRecord } from '@protomem/data';
import { type Entry, fromRandomAccessReaderPromise, type ZipFile } from 'yauzl';
import { BoundedFile } from './bounded-file.ts';
import { type ForeignTensor, toFloat32 } from './read-tensors.ts';

/** A pickle names weights; their numbers are beside it. */
const LONGEST_PICKLE = 64 * 2 ** 20;

const types: Readonly<Record<string, { readonly dtype: TensorDtype; readonly bytes: number }>> = {
  FloatStorage: { dtype: 'F32', bytes: 4 },
  DoubleStorage: { dtype: 'F64', bytes: 8 },
  HalfStorage: { dtype: 'F16', bytes: 2 },
  BFloat16Storage: { dtype: 'BF16', bytes: 2 },
};

const views = { F32: Float32Array, F64: Float64Array, F16: Uint16Array, BF16: Uint16Array } as const;

/**
 * The tensors of a file that `torch.save` wrote, a `state_dict` or dictionaries around one (PyTorch 1.6 and later: a zip). The
 * pickle in it is read and never executed.
 *
 * @throws ProtomemError for an older or damaged file, and for one that holds more than dictionaries, tensors and numbers
 */
export async function readTorchWeights(file: string): Promise<ReadonlyMap<string, ForeignTensor>> {
  const refuse = (got: string, cause?: unknown): never => {
    const fix = 'Write it again in Python: safetensors.torch.save_file(model.state_dict(), "backbone.safetensors").';
    const expected = 'a zip that torch.save of PyTorch 1.6 or later wrote';
    throw new ProtomemError({ where: file, what: 'the file', got, expected, fix }, { cause });
  };
  const reader = await BoundedFile.open(file).catch((error: Error) => refuse(systemReason(error), error));
  try {
    const zip = await fromRandomAccessReaderPromise(reader, reader.size, { autoClose: false });
    const entries = new Map<string, Entry>();
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
    const pickle = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
    if (pickle === undefined) return refuse('without a data.pkl');
    const folder = pickle.slice(0, -'data.pkl'.length);
    const records = await readTorchPickle(`${file}: data.pkl`, await read(zip, entries.get(pickle)!, LONGEST_PICKLE));
    const order = entries.get(`${folder}byteorder`);
    if (order && (await read(zip, order, 16)).toString() !== 'little') return refuse('not little-endian');
    const found = new Map<string, ForeignTensor>();
    const storages = new Map<string, Buffer>();
    for (const record of records) {
      const type = types[record.type];
      // Counters and the like: whoever asks for one is refused.
      if (type) {
        const entry = entries.get(`${folder}data/${record.storage}`);
        if (!entry) return refuse(`without the numbers of ${record.name}`);
        const last = record.shape.reduce((sum, side, i) => sum + (side - 1) * record.stride[i]!, record.offset);
        check(record.shape.includes(0) || (last + 1) * type.bytes <= entry.uncompressedSize, () => ({
          where: file,
          what: `tensor ${record.name}`,
          got: `[${record.shape.join(', ')}] in ${entry.uncompressedSize} bytes`,
          expected: 'as many bytes as its numbers take',
        }));
        if (!storages.has(record.storage)) {
          storages.set(record.storage, await read(zip, entry, entry.compressedSize));
        }
      }
      const bytes = storages.get(record.storage);
      found.set(record.name, {
        shape: record.shape,
        values: () =>
          type && bytes
            ? stridden(record, type.dtype as keyof typeof views, bytes)
            : refuse(`with ${record.name} of ${record.type}`),
      });
    }
    return found;
  } catch (error) {
    if (error instanceof ProtomemError) throw error;
    return refuse((error as Error).message, error);
  } finally {
    await reader.closed();
  }
}

/** A member, which torch.save stores as it is; no more than `most` bytes of it. */
async function read(zip: ZipFile, entry: Entry, most: number): Promise<Buffer> {
  if (entry.uncompressedSize > most) throw new Error(`${entry.fileName} would be ${entry.uncompressedSize} bytes`);
  const chunks: Buffer[] = [];
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A view's numbers in row-major order. */
function stridden({ shape, stride, offset }: TorchRecord, dtype: keyof typeof views, bytes: Buffer): Float32Array {
  const copy = Uint8Array.from(bytes).buffer;
  const whole = new views[dtype](copy, 0, Math.floor(copy.byteLength / views[dtype].BYTES_PER_ELEMENT));
  const count = shape.reduce((a, b) => a * b, 1);
  const plain = shape.every((side, i) => side === 1 || stride[i] === shape.slice(i + 1).reduce((a, b) => a * b, 1));
  if (plain) {
    const data = whole.slice(offset, offset + count);
    return toFloat32({ dtype, shape, data } as never);
  }
  const all = toFloat32({ dtype, shape: [whole.length], data: whole } as never);
  const result = new Float32Array(count);
  const place = shape.map(() => 0);
  for (let i = 0; i < count; i++) {
    result[i] = all[place.reduce((sum, at, axis) => sum + at * stride[axis]!, offset)]!;
    for (let axis = shape.length - 1; axis >= 0 && ++place[axis]! === shape[axis]; axis--) place[axis] = 0;
  }
  return result;
}
