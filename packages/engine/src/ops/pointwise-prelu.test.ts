import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, normal } from '../../fixtures/naive.ts';
import { expectClose, leaked } from '../testing.ts';
import { pointwisePrelu } from './pointwise-prelu.ts';

type Inputs = [x: tf.Tensor4D, filter: tf.Tensor4D, shift: tf.Tensor1D, alpha: tf.Tensor1D];

// Pixels that fill blocks of rows and not, channels of one register, of several, an odd number of them, and none whole.
const cases: [images: number, side: number, from: number, to: number][] = [
  [1, 1, 16, 16],
  [2, 5, 16, 48],
  [3, 7, 32, 32],
  [1, 4, 80, 112],
  [2, 3, 5, 7],
  [1, 1, 512, 128],
  [2, 30, 64, 64],
];

const setUp = ([images, side, from, to]: (typeof cases)[number]): Inputs =>
  [normal([images, side, side, from], 1), normal([1, 1, from, to], 2), normal([to], 3), normal([to], 4)] as Inputs;

function naive([x, filter, shift, alpha]: Inputs): number[] {
  const [from, to] = filter.shape.slice(2) as [number, number];
  const [X, F, S, A] = [x, filter, shift, alpha].map((one) => one.dataSync());
  return Array.from({ length: (x.size / from) * to }, (_, i) => {
    const [pixel, c] = [Math.floor(i / to), i % to];
    let z = S![c]!;
    for (let k = 0; k < from; k++) z += X![pixel * from + k]! * F![k * to + c]!;
    return z > 0 ? z : z * A![c]!;
  });
}

describe.each(await kernelEngines())('a 1x1 convolution with a PReLU behind, on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it.each(cases)('equals the definition: %i images of side %i, %i to %i channels', (...one) => {
    tf.tidy(() => {
      const inputs = setUp(one);
      const y = pointwisePrelu(...inputs);
      expect(y.shape).toEqual([one[0], one[1], one[1], one[3]]);
      expectClose(y, naive(inputs), 1e-4);
    });
  });

  it('has the gradients that finite differences see', () => {
    tf.tidy(() => checkGradients((...all) => pointwisePrelu(...(all as Inputs)), setUp([1, 2, 3, 4])));
    tf.tidy(() => checkGradients((...all) => pointwisePrelu(...(all as Inputs)), setUp([1, 2, 16, 16])));
  });

  it('leaves no tensor behind', () => {
    const inputs = setUp([1, 3, 16, 16]);
    expect(leaked(() => pointwisePrelu(...inputs).dispose())).toBe(0);
    const gradients = tf.grads((...all: tf.Tensor[]) => pointwisePrelu(...(all as Inputs)));
    expect(leaked(() => tf.dispose(gradients(inputs)))).toBe(0);
    tf.dispose(inputs);
  });

  it('refuses what does not fit', () => {
    tf.tidy(() => {
      const [x, filter, shift, alpha] = setUp([1, 2, 4, 3]);
      expect(() => pointwisePrelu(x, tf.ones([1, 1, 3, 3]), shift, alpha)).toThrow(
        /shape of filter is \[1, 1, 3, 3\], expected \[1, 1, 4, outputs\]/,
      );
      expect(() => pointwisePrelu(x, tf.ones([3, 3, 4, 3]), shift, alpha)).toThrow(/shape of filter/);
      expect(() => pointwisePrelu(x, filter, tf.ones([4]), alpha)).toThrow(/shape of shift/);
      expect(() => pointwisePrelu(tf.ones([2, 2, 4]) as never, filter, shift, alpha)).toThrow(/shape of x/);
    });
  });
});
