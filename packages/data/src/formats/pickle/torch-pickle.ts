import { check } from '@protomem/core';
import { bytesReader } from '../byte-reader.ts';
import { readPickle } from './read-pickle.ts';
import { Dictionary, TorchTensor } from './values.ts';

/** A tensor as a pickle of PyTorch names it; its numbers lie in a file of their own. */
export interface TorchRecord {
  /** Behind the keys of the dictionaries around it, with dots between. */
  readonly name: string;
  /** `FloatStorage`, `HalfStorage`, ... */
  readonly type: string;
  /** Of the file of numbers. */
  readonly storage: string;
  /** In numbers, as the strides are. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

/** A weight takes some 40 instructions; ten thousand weights are more than any encoder has. */
const MOST = 500_000;
/** Dictionaries in dictionaries. */
const DEEPEST = 8;

/**
 * Reads the `data.pkl` of a file that `torch.save` wrote: the tensors in its dictionaries. Nothing is executed: names of
 * functions are compared with those that PyTorch makes a `state_dict` of.
 *
 * @param file names it in errors.
 * @throws ProtomemError with the offset of whatever else it holds, such as a whole module
 */
export async function readTorchPickle(file: string, bytes: Uint8Array): Promise<TorchRecord[]> {
  const { value } = await readPickle(bytesReader(file, bytes), 0, bytes.length, MOST, true);
  check(value instanceof Dictionary, () => ({
    where: file,
    what: 'its content',
    got: 'no dictionary',
    expected: 'a state_dict, or a dictionary with one',
    fix: 'Save it in Python by torch.save(model.state_dict(), file).',
  }));
  const found: TorchRecord[] = [];
  const seen = new Set<Dictionary>();
  const collect = (dictionary: Dictionary, prefix: string, depth: number): void => {
    // One that holds itself, or is named twice, is read once.
    if (depth > DEEPEST || seen.has(dictionary)) return;
    seen.add(dictionary);
    for (const [key, one] of dictionary.entries) {
      if (one instanceof Dictionary) collect(one, `${prefix}${key}.`, depth + 1);
      if (!(one instanceof TorchTensor)) continue;
      const { storage, offset, shape, stride } = one;
      found.push({ name: prefix + key, type: storage.type, storage: storage.key, offset, shape, stride });
    }
  };
  collect(value, '', 0);
  return found;
}
