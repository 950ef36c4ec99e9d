import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { loadEngine } from './load-engine.ts';

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
