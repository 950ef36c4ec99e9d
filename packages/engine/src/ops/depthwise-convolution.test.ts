import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, naiveConvolution, normal } from '../../fixtures/naive.ts';
import { expectClose, leaked } from '../testing.ts';
import { depthwiseConvolution, depthwisePrelu } from './depthwise-convolution.ts';

type Case = readonly [x: readonly number[], kernel: readonly [number, number], stride: number, padding: number];

// Rows that end in fours and not, channels of whole registers and not, sides odd and even, kernels of any shape.
const cases: Case[] = [
  [[2, 5, 4, 3], [3, 3], 1, 1],
  [[1, 8, 9, 16], [3, 3], 1, 1],
  [[2, 7, 11, 35], [3, 3], 1, 0],
  [[1, 3, 3, 17], [3, 3], 1, 2],
  [[2, 8, 6, 16], [3, 3], 2, 1],
  [[2, 9, 7, 33], [3, 3], 2, 1],
  [[1, 8, 9, 5], [3, 3], 2, 1],
  [[1, 20, 18, 4], [3, 3], 2, 0],
  [[1, 9, 10, 3], [3, 3], 3, 1],
  [[2, 8, 8, 18], [5, 5], 2, 2],
  [[1, 6, 7, 3], [5, 5], 1, 2],
  [[2, 7, 7, 20], [7, 7], 1, 0],
  [[1, 7, 6, 2], [7, 6], 1, 0],
  [[1, 4, 5, 3], [2, 3], 2, 1],
  [[3, 6, 6, 17], [1, 1], 1, 0],
  [[1, 1, 1, 2], [3, 3], 1, 1],
];

function setUp([shape, [high, wide], stride, padding]: Case) {
  const [images, rows, columns, channels] = shape as [number, number, number, number];
  const x = normal([...shape], 1) as tf.Tensor4D;
  const filter = normal([high, wide, channels, 1], 2) as tf.Tensor4D;
  const info = tf.backend_util.computeConv2DInfo(
    x.shape,
    filter.shape,
    stride,
    1,
    [
      [0, 0],
      [padding, padding],
      [padding, padding],
      [0, 0],
    ],
    'floor',
    true,
  );
  const results = (side: number, taps: number): number => Math.floor((side + 2 * padding - taps) / stride) + 1;
  const dy = normal([images, results(rows, high), results(columns, wide), channels], 3) as tf.Tensor4D;
  return {
    x,
    filter,
    dy,
    options: { stride, padding },
    naive: naiveConvolution({ x, filter, dy, info, depthwise: true }),
  };
}

describe.each(await kernelEngines())('a depthwise convolution on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it.each(cases)(
    'of %j with a kernel of %j, stride %i, padding %i equals the definition, and so do its gradients',
    (...one) => {
      tf.tidy(() => {
        const { x, filter, dy, options, naive } = setUp(one);
        const of = (a: tf.Tensor, b: tf.Tensor) => depthwiseConvolution(a as tf.Tensor4D, b as tf.Tensor4D, options);
        const y = of(x, filter);
        expect(y.shape).toEqual(dy.shape);
        expectClose(y, naive.y, 1e-5);
        const [dx, dFilter] = tf.grads(of)([x, filter], dy);
        expectClose(dx!, naive.dx, 1e-5);
        expectClose(dFilter!, naive.dFilter, 1e-5);
      });
    },
  );

  it.each(cases)('with a PReLU behind: %j, a kernel of %j, stride %i, padding %i', (...one) => {
    tf.tidy(() => {
      const { x, filter, dy, options, naive } = setUp(one);
      const channels = x.shape[3];
      const [shift, alpha] = [normal([channels], 4), normal([channels], 5)] as [tf.Tensor1D, tf.Tensor1D];
      const [s, a] = [shift.dataSync(), alpha.dataSync()];
      const expected = naive.y.map((sum, i) => {
        const z = sum + s[i % channels]!;
        return z > 0 ? z : z * a[i % channels]!;
      });
      expectClose(depthwisePrelu(x, filter, shift, alpha, options), expected, 1e-5);
      expect(dy.shape).toEqual(depthwisePrelu(x, filter, shift, alpha, options).shape);
    });
  });

  it('with a PReLU behind has the gradients that finite differences see', () => {
    tf.tidy(() => {
      const inputs = [normal([1, 5, 5, 3]), normal([3, 3, 3, 1], 2), normal([3], 3), normal([3], 4, 0.2)];
      checkGradients(
        (x, filter, shift, alpha) =>
          depthwisePrelu(...([x, filter, shift, alpha] as [tf.Tensor4D, tf.Tensor4D, tf.Tensor1D, tf.Tensor1D]), {
            stride: 2,
            padding: 1,
          }),
        inputs,
      );
    });
  });

  // TensorFlow's own op and the compositions sum all pixels in float32, one after the other.
  it(`sums the gradient of a kernel over many pixels ${engine === 'node' ? 'in double' : 'in float32'}`, () => {
    tf.tidy(() => {
      const [x, filter] = [tf.ones([40, 64, 64, 16]), tf.ones([3, 3, 16, 1])] as [tf.Tensor4D, tf.Tensor4D];
      const of = (weights: tf.Tensor) => depthwiseConvolution(x, weights as tf.Tensor4D, { padding: 1 });
      const found = tf.grad(of)(filter, tf.fill(x.shape, 0.1)).dataSync();
      const rows = [63, 64, 63];
      const expected = rows.flatMap((high) =>
        rows.flatMap((wide) => Array<number>(16).fill(40 * high * wide * Math.fround(0.1))),
      );
      const off = expected.map((value, i) => Math.abs(found[i]! / value - 1));
      expect(Math.max(...off)).toBeLessThan(engine === 'node' ? 5e-6 : 2e-3);
    });
  });

  it('leaves no tensor behind', () => {
    const { x, filter, options } = setUp(cases[4]!);
    const [shift, alpha] = [tf.ones([16]), tf.ones([16])] as [tf.Tensor1D, tf.Tensor1D];
    expect(leaked(() => depthwiseConvolution(x, filter, options).dispose())).toBe(0);
    expect(leaked(() => depthwisePrelu(x, filter, shift, alpha, options).dispose())).toBe(0);
    const of = (a: tf.Tensor) => depthwisePrelu(a as tf.Tensor4D, filter, shift, alpha, options);
    expect(leaked(() => tf.grad(of)(x).dispose())).toBe(0);
    tf.dispose([x, filter, shift, alpha]);
  });

  it('refuses what does not fit', () => {
    tf.tidy(() => {
      const [x, filter] = [tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 1])] as [tf.Tensor4D, tf.Tensor4D];
      const of = (kernel: [number, number, number, number], options = {}) =>
        depthwiseConvolution(x, tf.ones(kernel), options);
      expect(() => of([3, 3, 3, 1])).toThrow(/shape of filter is \[3, 3, 3, 1\], expected \[height, width, 2, 1\]/);
      expect(() => of([3, 3, 2, 2])).toThrow(/shape of filter/);
      expect(() => of([5, 5, 2, 1])).toThrow(/padding is 0, expected an integer in \[1, 4\]/);
      expect(() => of([3, 3, 2, 1], { padding: 3 })).toThrow(/padding is 3, expected an integer in \[0, 2\]/);
      expect(() => of([3, 3, 2, 1], { stride: 0.5 })).toThrow(/stride is 0.5/);
      expect(() => depthwiseConvolution(tf.ones([4, 4, 2]) as never, filter)).toThrow(/shape of x/);
      expect(() => depthwisePrelu(x, filter, tf.ones([3]), tf.ones([2]))).toThrow(/shape of shift/);
    });
  });
});
