import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';

/** Seconds for a barrier behind which one rank evaluates, or writes files. */
export const LONG_WAIT_SECONDS = 3600;

/** How {@link Collective.allReduce} puts values together. */
export type Reduction = 'sum' | 'mean' | 'max';

/**
 * What the processes of one run do together. All of them have to call the same methods in the same order with tensors of the
 * same shapes; each gets the same bits back. Tensors are float32 or int32 (`mean`: float32); those that come back are the
 * caller's.
 *
 * Every call waits for the slowest process, at most `timeoutSeconds` of {@link Cluster}. Once one has failed, of another's
 * end or of time, the cluster is of no more use: each later call refuses, and processes have to be started anew.
 */
export interface Collective {
  /** Which of the processes this is: 0 ... size - 1. */
  readonly rank: number;
  readonly size: number;
  /** Puts tensors together over all ranks, element by element. They travel in one piece for each dtype. */
  allReduce<T extends tf.Tensor>(tensors: readonly T[], reduction: Reduction): T[];
  /**
   * Begins the same for float32 tensors while the caller computes on.
   *
   * @param bfloat16 whether values travel, and are put together, in bfloat16: half the bytes, three digits. Default false.
   * @returns a function that waits for the results, to be called once
   */
  startAllReduce<T extends tf.Tensor>(tensors: readonly T[], reduction: Reduction, bfloat16?: boolean): () => T[];
  /** The tensors of all ranks one below the other, `[n, ...]` of each to `[size * n, ...]`, in the order of ranks. */
  allGather<T extends tf.Tensor>(tensor: T): T;
  /** The tensors of one rank, on all; the others say by theirs what shapes come. Default: of rank 0. */
  broadcast<T extends tf.Tensor>(tensors: readonly T[], from?: number): T[];
  /** @param timeoutSeconds where one rank is known to be busy for longer than usual */
  barrier(timeoutSeconds?: number): void;
  /** Waits for all and ends the collaboration: a process that ends without it breaks off the others' calls. */
  close(): void;
}

/** On the backend and not in this module, of which a program may hold two copies. */
const key = Symbol.for('protomem.collective');

/** @internal Of a backend that has been started in a cluster. */
export function setCollective(backend: tf.KernelBackend, made: Collective): void {
  (backend as { [key]?: Collective })[key] = made;
}

/**
 * The collective of the engine that is active: of several processes, where `loadEngine` was given a `cluster`, else of this one
 * alone, for which every call gives back what it gets.
 *
 * @example
 * ```ts
 * await loadEngine({ prefer: 'cpu' });
 * const { rank, size } = collective();
 * console.log(`rank ${rank} of ${size}`);
 * ```
 */
export const collective = (): Collective => (tf.backend() as { [key]?: Collective })[key] ?? alone;

/** A cluster of one process: every call gives back what it gets. */
export const alone: Collective = {
  rank: 0,
  size: 1,
  allReduce: copies,
  startAllReduce: (tensors) => {
    const found = copies(tensors);
    return () => found;
  },
  allGather: (tensor) => tf.clone(tensor),
  broadcast: copies,
  barrier: () => undefined,
  close: () => undefined,
};

/** They share their values. */
function copies<T extends tf.Tensor>(tensors: readonly T[]): T[] {
  return tensors.map((tensor) => tf.clone(tensor));
}

/** A JSON value of each rank, in the order of ranks; all ranks get all of them. */
export function gatherJson<T>({ rank, size, allReduce }: Collective, value: T): T[] {
  if (size === 1) return [value];
  const total = (own: Int32Array): ArrayLike<number> => {
    const given = tf.tensor1d(own, 'int32');
    const [summed] = allReduce([given], 'sum');
    const found = summed!.dataSync();
    tf.dispose([given, summed!]);
    return found;
  };
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const lengths = Array.from(total(Int32Array.from({ length: size }, (_, i) => (i === rank ? bytes.length : 0))));
  const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length, 0));
  const own = new Int32Array(ends.at(-1)!);
  own.set(bytes, ends[rank]! - bytes.length);
  const all = Uint8Array.from(total(own));
  return ends.map((end, i) => JSON.parse(new TextDecoder().decode(all.subarray(end - lengths[i]!, end))) as T);
}

/** Throws unless a value is the same on all ranks, naming the first rank that has another. */
export function checkSame(collective: Collective, where: string, what: string, value: string, fix: string): void {
  const values = gatherJson(collective, value);
  const other = values.findIndex((one) => one !== values[0]);
  check(other < 0, () => ({
    where,
    what: `${what} of rank ${other}`,
    got: values[other],
    expected: `${values[0]}, as rank 0 has it`,
    fix,
  }));
}
