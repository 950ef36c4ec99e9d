import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { EngineName } from './engine-info.ts';

/**
 * Computes a small convolution, a matrix product and a filter's gradient on the active backend and compares them with values
 * worked out by hand: a library that loads is not yet one that computes (a wrong CUDA, a processor it was not built for). The
 * gradient is one of a strided 1x1 convolution with few channels, which oneDNN has wrong, and which is to go another way.
 *
 * @throws ProtomemError when a value is off.
 */
export async function checkEngine(engine: EngineName): Promise<void> {
  const { x, dy, dFilter } = pointwise();
  const [convolution, product, gradient] = tf.tidy(() => {
    const image = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    const filter = tf.tensor4d([1, -1, 2, 0.5], [2, 2, 1, 1]);
    const convolved = tf.conv2d(image, filter, 1, 'valid');
    const a = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    const pixels = tf.tensor4d(x, [2, 12, 12, 5]);
    const gradientOf = tf.grad((filter) => tf.conv2d(pixels, filter as tf.Tensor4D, 3, 'valid'));
    return [convolved, tf.matMul(a, a, false, true), gradientOf(tf.zeros([1, 1, 5, 16]), tf.tensor(dy, [2, 4, 4, 16]))];
  }) as [tf.Tensor, tf.Tensor, tf.Tensor];
  try {
    await compare(engine, 'a convolution', convolution, [9.5, 12, 17, 19.5]);
    await compare(engine, 'a matrix product', product, [14, 32, 32, 77]);
    await compare(engine, "a filter's gradient", gradient, dFilter);
  } finally {
    tf.dispose([convolution, product, gradient]);
  }
}

/** Two images of 12 x 12 pixels of 5 channels, of which every third is mixed to 16: small integers, and what comes of them. */
function pointwise(): { x: number[]; dy: number[]; dFilter: number[] } {
  const integers = (length: number, step: number): number[] => Array.from({ length }, (_, i) => ((i * step) % 7) - 3);
  const [x, dy, dFilter] = [
    integers(2 * 12 * 12 * 5, 3),
    integers(2 * 4 * 4 * 16, 5),
    new Array<number>(5 * 16).fill(0),
  ];
  for (let pixel = 0; pixel < 2 * 4 * 4; pixel++) {
    const [image, row, column] = [pixel >> 4, (pixel >> 2) & 3, pixel & 3];
    const from = ((image * 12 + row * 3) * 12 + column * 3) * 5;
    for (let i = 0; i < 5; i++) for (let o = 0; o < 16; o++) dFilter[i * 16 + o]! += x[from + i]! * dy[pixel * 16 + o]!;
  }
  return { x, dy, dFilter };
}

async function compare(engine: EngineName, what: string, tensor: tf.Tensor, expected: number[]): Promise<void> {
  const found = Array.from(await tensor.data());
  check(found.length === expected.length && found.every((value, i) => Math.abs(value - expected[i]!) < 1e-3), () => ({
    where: 'loadEngine',
    what: `${what} on ${engine}`,
    got: found,
    expected: `[${expected.slice(0, 8).join(', ')}${expected.length > 8 ? ', ...' : ''}]`,
    fix: 'This engine computes wrong values on this machine: take another, and please report it.',
  }));
}
