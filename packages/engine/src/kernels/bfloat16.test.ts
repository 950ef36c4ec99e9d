import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { multipliesBfloat16 } from '../devices.ts';
import { loadEngine } from '../load-engine.ts';
import { enginesAtHand, expectClose, leaked } from '../testing.ts';

const here = (await enginesAtHand()).includes('node') && multipliesBfloat16() === true;
if (!here) console.log('skipped: bfloat16 convolutions, which need the engine node and a processor that has bfloat16');

type Convolve = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor4D;
const geometries: Readonly<Record<string, Convolve>> = {
  'same, stride 1': (x, filter) => tf.conv2d(x, filter, 1, 'same'),
  'same, stride 2': (x, filter) => tf.conv2d(x, filter, 2, 'same'),
  'valid, stride 2': (x, filter) => tf.conv2d(x, filter, 2, 'valid'),
};

/** A convolution and its two gradients in a precision. */
async function compute(precision: 'float32' | 'bfloat16', convolve: Convolve, x: tf.Tensor4D, filter: tf.Tensor4D) {
  await loadEngine({ prefer: 'node', precision });
  const y = convolve(x, filter);
  const [dx, dFilter] = tf.grads((a, b) => tf.sum(tf.mul(convolve(a as tf.Tensor4D, b as tf.Tensor4D), y)))([
    x,
    filter,
  ]);
  return { y, dx: dx!, dFilter: dFilter! };
}

describe.skipIf(!here)('convolutions in bfloat16', () => {
  beforeAll(() => loadEngine({ prefer: 'node' }));
  afterAll(() => loadEngine({ prefer: 'node' }));

  it.each(Object.entries(geometries))('are exact where nothing is rounded: %s', async (_, convolve) => {
    // Small integers, and sums below 256, have their place in bfloat16.
    const x = tf.tensor4d(Array.from({ length: 2 * 6 * 5 * 3 }, (_, i) => (i * 7) % 3) as number[], [2, 6, 5, 3]);
    const filter = tf.tensor4d(
      Array.from({ length: 9 * 3 * 2 }, (_, i) => ((i * 5) % 3) - 1) as number[],
      [3, 3, 3, 2],
    );
    const exact = await compute('float32', convolve, x, filter);
    const rounded = await compute('bfloat16', convolve, x, filter);
    expectClose(rounded.y, exact.y, 0);
  });

  it.each(Object.entries(geometries))('and their gradients are off by its rounding: %s', async (_, convolve) => {
    const x = tf.randomNormal<tf.Rank.R4>([3, 9, 8, 16], 0, 1, 'float32', 1);
    const filter = tf.randomNormal<tf.Rank.R4>([3, 3, 16, 8], 0, 1, 'float32', 2);
    const exact = await compute('float32', convolve, x, filter);
    const rounded = await compute('bfloat16', convolve, x, filter);
    for (const name of ['y', 'dx', 'dFilter'] as const) {
      const error = tf.norm(tf.sub(rounded[name], exact[name])).dataSync()[0]! / tf.norm(exact[name]).dataSync()[0]!;
      // Three roundings (two factors, the result), each with a relative error of at most 2^-9; a gradient has them twice.
      expect(error, name).toBeLessThan(6 * 2 ** -9);
      expect(error, name).toBeGreaterThan(2 ** -12);
    }
  });

  it('give float32 again when asked', async () => {
    const x = tf.fill<tf.Rank.R4>([1, 16, 16, 64], 1 + 2 ** -9);
    const filter = tf.ones<tf.Rank.R4>([3, 3, 64, 64]);
    const first = (): number => tf.conv2d(x, filter, 1, 'valid').dataSync()[0]!;
    await loadEngine({ prefer: 'node', precision: 'bfloat16' });
    expect(first()).toBe(9 * 64);
    await loadEngine({ prefer: 'node' });
    expect(first()).toBe(9 * 64 * (1 + 2 ** -9));
  });

  it('leave no tensor behind', async () => {
    await loadEngine({ prefer: 'node', precision: 'bfloat16' });
    const [x, filter] = [tf.ones<tf.Rank.R4>([1, 5, 5, 2]), tf.ones<tf.Rank.R4>([3, 3, 2, 2])];
    expect(
      leaked(() => {
        tf.dispose(tf.grads((a, b) => tf.sum(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same')))([x, filter]));
      }),
    ).toBe(0);
  });
});
