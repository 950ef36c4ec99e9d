import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, naiveConvolution, normal } from '../../fixtures/naive.ts';
import { expectClose, leaked } from '../testing.ts';
import { convolutionPrelu } from './convolution-prelu.ts';

type Inputs = [x: tf.Tensor4D, filter: tf.Tensor4D, shift: tf.Tensor1D, alpha: tf.Tensor1D];

type Case = [images: number, side: number, from: number, to: number, kernel: number, stride: number, padding: number];

// Pixels that fill blocks of rows and tiles and do not, channels of one register, of several, an odd number of them, and none
// whole; kernels that our own ops take, and others.
const cases: Case[] = [
  [1, 1, 16, 16, 1, 1, 0],
  [2, 5, 16, 48, 1, 1, 0],
  [3, 7, 32, 32, 1, 1, 0],
  [1, 4, 80, 112, 1, 1, 0],
  [2, 3, 5, 7, 1, 1, 0],
  [1, 1, 512, 128, 1, 1, 0],
  [2, 30, 64, 64, 1, 1, 0],
  [2, 6, 16, 16, 1, 2, 0],
  [4, 9, 16, 48, 3, 1, 1],
  [2, 16, 32, 16, 3, 1, 1],
  [1, 4, 16, 16, 3, 1, 1],
  [4, 9, 5, 6, 3, 1, 1],
  [2, 8, 16, 16, 3, 2, 1],
  [2, 9, 16, 16, 3, 2, 1],
  [2, 9, 16, 16, 3, 1, 0],
  [1, 7, 3, 16, 5, 2, 2],
];

const setUp = ([images, side, from, to, kernel]: Case): Inputs =>
  [
    normal([images, side, side, from], 1),
    normal([kernel, kernel, from, to], 2),
    normal([to], 3),
    normal([to], 4),
  ] as Inputs;

function naive([x, filter, shift, alpha]: Inputs, { stride, padding }: { stride: number; padding: number }): number[] {
  const ends: [number, number] = [padding, padding];
  const info = tf.backend_util.computeConv2DInfo(
    x.shape,
    filter.shape,
    stride,
    1,
    [[0, 0], ends, ends, [0, 0]],
    'floor',
  );
  const { y } = naiveConvolution({ x, filter, dy: tf.zeros(info.outShape), info, depthwise: false });
  const [S, A] = [shift, alpha].map((one) => one.dataSync());
  return Array.from(y, (sum, i) => {
    const z = sum + S![i % shift.size]!;
    return z > 0 ? z : z * A![i % shift.size]!;
  });
}

describe.each(await kernelEngines())('a convolution with a PReLU behind, on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it.each(cases)(
    'equals the definition: %i images of side %i, %i to %i channels, kernel %i, stride %i, padding %i',
    (...one) => {
      tf.tidy(() => {
        const inputs = setUp(one);
        const options = { stride: one[5], padding: one[6] };
        expectClose(convolutionPrelu(...inputs, options), naive(inputs, options), 1e-4);
      });
    },
  );

  it.each([
    [1, 2, 3, 4, 1, 1, 0],
    [1, 2, 16, 16, 1, 1, 0],
    [1, 4, 2, 3, 3, 2, 1],
  ] satisfies Case[])('has the gradients that finite differences see: %j', (...one) => {
    const options = { stride: one[5], padding: one[6] };
    tf.tidy(() => checkGradients((...all) => convolutionPrelu(...(all as Inputs), options), setUp(one)));
  });

  it('leaves no tensor behind', () => {
    const inputs = setUp([1, 3, 16, 16, 1, 1, 0]);
    expect(leaked(() => convolutionPrelu(...inputs).dispose())).toBe(0);
    const gradients = tf.grads((...all: tf.Tensor[]) => convolutionPrelu(...(all as Inputs)));
    expect(leaked(() => tf.dispose(gradients(inputs)))).toBe(0);
    tf.dispose(inputs);
  });

  it('refuses what does not fit', () => {
    tf.tidy(() => {
      const [x, filter, shift, alpha] = setUp([1, 2, 4, 3, 1, 1, 0]);
      expect(() => convolutionPrelu(x, tf.ones([1, 1, 3, 3]), shift, alpha)).toThrow(
        /shape of filter is \[1, 1, 3, 3\], expected \[height, width, 4, outputs\]/,
      );
      expect(() => convolutionPrelu(x, tf.ones([3, 3, 4, 3]), shift, alpha)).toThrow(
        /padding is 0, expected an integer in \[1, 2\]/,
      );
      expect(() => convolutionPrelu(x, filter, tf.ones([4]), alpha)).toThrow(/shape of shift/);
      expect(() => convolutionPrelu(tf.ones([2, 2, 4]) as never, filter, shift, alpha)).toThrow(/shape of x/);
    });
  });
});
