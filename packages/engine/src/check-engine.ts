import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { EngineName } from './engine-info.ts';

/**
 * Computes a small convolution and a matrix product on the active backend and compares them with values worked out by
 * hand: a library that loads is not yet one that computes (a wrong CUDA, a processor it was not built for).
 *
 * @throws ProtomemError when a value is off.
 */
export async function checkEngine(engine: EngineName): Promise<void> {
  const [convolution, product] = tf.tidy(() => {
    const image = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    const filter = tf.tensor4d([1, -1, 2, 0.5], [2, 2, 1, 1]);
    const convolved = tf.conv2d(image, filter, 1, 'valid');
    const a = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    return [convolved, tf.matMul(a, a, false, true)];
  }) as [tf.Tensor, tf.Tensor];
  try {
    await compare(engine, 'a convolution', convolution, [9.5, 12, 17, 19.5]);
    await compare(engine, 'a matrix product', product, [14, 32, 32, 77]);
  } finally {
    tf.dispose([convolution, product]);
  }
}

async function compare(engine: EngineName, what: string, tensor: tf.Tensor, expected: number[]): Promise<void> {
  const found = Array.from(await tensor.data());
  check(found.length === expected.length && found.every((value, i) => Math.abs(value - expected[i]!) < 1e-3), () => ({
    where: 'loadEngine',
    what: `${what} on ${engine}`,
    got: found,
    expected: `[${expected.join(', ')}]`,
    fix: 'This engine computes wrong values on this machine: take another, and please report it.',
  }));
}
