import { Float16Array } from '@petamoriken/float16';
import { check, ProtomemError, type TensorData } from '@protomem/core';
import { readSafetensors } from '@protomem/core/node';
import type { TorchTensor } from './torch-layout.ts';

/** A tensor of a file of others, in float32. */
export interface ForeignTensor {
  readonly shape: readonly number[];
  /** Converted when it is asked for. */
  values(): Float32Array;
}

/** A `state_dict` of PyTorch as a safetensors file. */
export async function readSafetensorsWeights(file: string): Promise<ReadonlyMap<string, ForeignTensor>> {
  const { tensors } = await readSafetensors(file);
  return new Map(
    Object.entries(tensors).map(([name, tensor]) => [name, { shape: tensor.shape, values: () => toFloat32(tensor) }]),
  );
}

export function toFloat32({ dtype, data }: TensorData): Float32Array {
  if (dtype === 'F16') return Float32Array.from(new Float16Array(data.slice().buffer));
  // The upper half of a float32.
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(data, (bits) => bits << 16).buffer);
  return Float32Array.from(data);
}

/** What stands in a `state_dict` and is no part of an encoder here: how many batches a norm has seen. */
const isCounter = (name: string): boolean => name.endsWith('.num_batches_tracked');

/**
 * Finds each tensor of an encoder in a `state_dict`, under its name or behind one prefix (`module.`, `backbone.`).
 *
 * @param unused names of tensors that may stand there and are no part of the encoder.
 * @returns values in our order by name, and what was left behind, a line each
 * @throws ProtomemError for the first tensor that is missing, of another shape, not finite, or of no parameter
 */
export function takeWeights(
  file: string,
  encoder: string,
  wanted: readonly TorchTensor[],
  found: ReadonlyMap<string, ForeignTensor>,
  unused: readonly string[] = [],
): { readonly values: ReadonlyMap<string, Float32Array>; readonly notes: readonly string[] } {
  const prefix = prefixOf(wanted[0]!.name, [...found.keys()]);
  const values = new Map<string, Float32Array>();
  for (const { name, shape, fromTorch } of wanted) {
    const tensor = found.get(prefix + name);
    const refuse = (got: string): never => {
      const expected = `[${shape.join(', ')}] of finite numbers, as ${encoder} has it`;
      const fix = 'Name another encoder with --as, or its --input-size, --embedding-size or --width.';
      throw new ProtomemError({ where: file, what: `tensor ${prefix}${name}`, got, expected, fix });
    };
    if (!tensor) return refuse('missing');
    if (tensor.shape.join() !== shape.join()) return refuse(`[${tensor.shape.join(', ')}]`);
    const data = tensor.values();
    if (!data.every(Number.isFinite)) return refuse('not finite');
    values.set(name, fromTorch(data));
  }
  const known = new Set(wanted.map(({ name }) => prefix + name));
  const dropped = unused.filter((name) => found.has(prefix + name));
  const rest = [...found.keys()].filter((name) => !known.has(name) && !dropped.includes(name.slice(prefix.length)));
  const stranger = rest.find((name) => name.startsWith(prefix) && !isCounter(name));
  check(stranger === undefined, () => ({
    where: file,
    what: `tensor ${stranger}`,
    got: 'of no parameter',
    expected: `one of the ${wanted.length} tensors of ${encoder}`,
    fix: 'Name the encoder that it is with --as.',
  }));
  const counters = rest.filter((name) => name.startsWith(prefix)).length;
  const outside = rest.filter((name) => !name.startsWith(prefix));
  return {
    values,
    notes: [
      ...(prefix ? [`names: behind "${prefix}"`] : []),
      ...(counters > 0 ? [`left behind: ${counters} counters of batches, which norms here do not have`] : []),
      ...(dropped.length > 0 ? [`left behind: ${dropped.join(', ')}, which takes no part in embeddings`] : []),
      ...(outside.length > 0
        ? [`left behind: ${outside.length} tensors that are not behind "${prefix}", such as ${outside[0]}`]
        : []),
    ],
  };
}

/** What stands before the first tensor's name, the shortest of them. */
function prefixOf(first: string, names: readonly string[]): string {
  if (names.includes(first)) return '';
  const ends = names.filter((name) => name.endsWith(`.${first}`)).map((name) => name.slice(0, -first.length));
  return ends.sort((a, b) => a.length - b.length)[0] ?? '';
}
