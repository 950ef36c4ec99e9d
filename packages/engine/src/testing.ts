import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { Collective } from './collective/collective.ts';
import { loadEngine } from './load-engine.ts';

export { layWire, removeWire, setWire, type Wire } from './wire.ts';

/** Engines that tests run on: the backends that one process can hold side by side. */
export type TestEngine = 'cpu' | 'wasm' | 'node' | 'webgpu';

const names = ['cpu', 'wasm', 'node', 'webgpu'] as const satisfies TestEngine[];

/**
 * The engines that load on this machine, always with `cpu`, for `describe.each(await enginesAtHand())`.
 * The backend that was active stays active. `webgpu` is among them only where the environment says `PROTOMEM_TEST_WEBGPU=1`:
 * on a software adapter everything takes long.
 *
 * @example
 * ```ts
 * describe.each(await enginesAtHand())('prelu on %s', (engine) => {
 *   beforeAll(() => useEngine(engine));
 * });
 * ```
 */
export async function enginesAtHand(): Promise<TestEngine[]> {
  const active = tf.getBackend();
  const found: TestEngine[] = [];
  for (const name of names) {
    if (name === 'webgpu' && !process.env.PROTOMEM_TEST_WEBGPU) continue;
    try {
      await useEngine(name);
      found.push(name);
    } catch {
      // Not installed or not built here: tests skip it.
    }
  }
  await tf.setBackend(active || 'cpu');
  return found;
}

/**
 * Makes an engine the active one.
 *
 * @param name one of {@link enginesAtHand}
 * @throws when the engine does not load on this machine
 */
export async function useEngine(name: TestEngine): Promise<void> {
  check(names.includes(name), () => ({
    where: 'useEngine',
    what: 'name',
    got: name,
    expected: `one of ${names.join(', ')}`,
  }));
  await loadEngine({ prefer: name });
}

/**
 * Gradient of a scalar function by central differences: `(f(x + e) - f(x - e)) / 2e` for each element.
 * Calls `f` twice per element, so keep `x` small. float32 leaves about three digits with the default `epsilon`.
 *
 * @param f pure function; tensors that it makes are disposed
 * @param x float32 tensor of any shape; stays the caller's
 * @param epsilon step, 1e-2 by default
 * @returns `df/dx` in the order of `x`'s elements
 *
 * @example
 * ```ts
 * numericalGradient((x) => tf.sum(tf.square(x)), tf.tensor1d([1, 2])); // close to [2, 4]
 * ```
 */
export function numericalGradient(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor, epsilon = 1e-2): Float32Array {
  const values = Float32Array.from(x.dataSync());
  const at = (i: number, value: number): number =>
    tf.tidy(() => {
      const moved = values.slice();
      moved[i] = value;
      return f(tf.tensor(moved, x.shape, 'float32')).dataSync()[0]!;
    });
  return values.map((v, i) => {
    // The step that float32 really takes, not the one that was asked for.
    const [above, below] = [Math.fround(v + epsilon), Math.fround(v - epsilon)];
    return (at(i, above) - at(i, below)) / (above - below);
  });
}

/**
 * How many tensors are left over after `f`: 0 for a function that cleans up.
 *
 * @example
 * ```ts
 * leaked(() => tf.dispose(tf.zeros([2]))); // 0
 * leaked(() => void tf.zeros([2])); // 1
 * ```
 */
export function leaked(f: () => void): number {
  const before = tf.memory().numTensors;
  f();
  return tf.memory().numTensors - before;
}

/**
 * Throws unless two arrays of numbers agree to `tolerance`, relative to the largest expected magnitude (at least 1).
 * NaN agrees with nothing.
 *
 * @param actual tensor or numbers; a tensor stays the caller's
 * @param expected tensor or as many numbers
 * @param tolerance 1e-4 by default
 */
export function expectClose(
  actual: tf.Tensor | ArrayLike<number>,
  expected: tf.Tensor | ArrayLike<number>,
  tolerance = 1e-4,
): void {
  const [a, e] = [numbers(actual), numbers(expected)];
  check(a.length === e.length, () => ({
    where: 'expectClose',
    what: 'number of values',
    got: a.length,
    expected: String(e.length),
  }));
  const scale = e.reduce((max, v) => Math.max(max, Math.abs(v)), 1);
  const i = a.findIndex((v, j) => !(Math.abs(v - e[j]!) <= tolerance * scale));
  check(i < 0, () => ({
    where: 'expectClose',
    what: `value ${i} of ${a.length}`,
    got: a[i],
    expected: `${e[i]} within ${tolerance * scale}`,
  }));
}

function numbers(values: tf.Tensor | ArrayLike<number>): number[] {
  return Array.from(values instanceof tf.Tensor ? values.dataSync() : values);
}

/** What a rank gave to one of the calls that it makes together with others. */
type Given = readonly { readonly shape: number[]; readonly dtype: 'float32' | 'int32'; readonly values: number[] }[];

/** Thrown out of a call for which another rank's part is missing yet. */
class Waiting extends Error {}

/**
 * What each of several ranks computes, in this one process: a stand-in for processes, whose calls wait for each other. A body is
 * given up where it would have to wait, and begun anew when the others have come as far; so it makes whatever it changes itself.
 *
 * @param body gets a {@link Collective}; what it returns must be no tensor
 * @returns of each rank
 *
 * @example
 * ```ts
 * const sum = (c: Collective) => tf.tidy(() => c.allReduce([tf.scalar(c.rank)], 'sum')[0]!.arraySync());
 * ranksInTurn(3, sum); // [3, 3, 3]
 * ```
 */
export function ranksInTurn<T>(size: number, body: (collective: Collective) => T): T[] {
  const calls: Given[][] = [];
  const run = (rank: number): { readonly result: T } | undefined => {
    let made = 0;
    /** What all ranks give to the same call. */
    const exchanged = (tensors: readonly tf.Tensor[]): Given[] => {
      calls[made] ??= [];
      const call = calls[made++]!;
      call[rank] ??= tensors.map((tensor) => ({
        shape: tensor.shape,
        dtype: tensor.dtype as 'float32' | 'int32',
        values: Array.from(tensor.dataSync()),
      }));
      if (Object.keys(call).length < size) throw new Waiting();
      return call;
    };
    const allReduce: Collective['allReduce'] = (tensors, reduction) => {
      const call = exchanged(tensors);
      return tensors.map(({ shape, dtype }, i) => {
        const values = call[0]![i]!.values.map((_, at) => {
          const all = call.map((given) => given[i]!.values[at]!);
          const sum = all.reduce((a, b) => (dtype === 'int32' ? a + b : Math.fround(a + b)));
          return reduction === 'max' ? Math.max(...all) : reduction === 'sum' ? sum : sum / size;
        });
        return tf.tensor(values, shape, dtype) as (typeof tensors)[number];
      });
    };
    try {
      const result = body({
        ...{ rank, size, allReduce },
        startAllReduce(tensors, reduction) {
          const found = allReduce(tensors, reduction);
          return () => found;
        },
        allGather(tensor) {
          const call = exchanged([tensor]);
          const [rows, ...rest] = tensor.shape as [number, ...number[]];
          const values = call.flatMap(([given]) => given!.values);
          return tf.tensor(values, [size * rows, ...rest], tensor.dtype) as typeof tensor;
        },
        broadcast: <X extends tf.Tensor>(tensors: readonly X[], from = 0) => {
          const call = exchanged(tensors);
          return tensors.map(({ shape, dtype }, i) => tf.tensor(call[from]![i]!.values, shape, dtype) as X);
        },
        barrier: () => void exchanged([]),
        close: () => void exchanged([]),
      });
      return { result };
    } catch (error) {
      if (error instanceof Waiting) return undefined;
      throw error;
    }
  };
  for (;;) {
    const results = Array.from({ length: size }, (_, rank) => run(rank));
    if (results.every((one) => one !== undefined)) return results.map(({ result }) => result);
  }
}
