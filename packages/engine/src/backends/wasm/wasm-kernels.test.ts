import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkGradients, normal } from '../../../fixtures/naive.ts';
import { enginesAtHand, expectClose, leaked, useEngine } from '../../testing.ts';
import { registerTrainingKernels } from '../register.ts';

const products: [a: number[], b: number[]][] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [3, 40],
    [40, 50],
  ],
  [
    [40, 3],
    [3, 50],
  ],
  [
    [64, 20],
    [20, 8],
  ],
  [
    [8, 20],
    [20, 64],
  ],
  [
    [2, 8, 20],
    [2, 20, 64],
  ],
  [
    [3, 5, 4],
    [3, 4, 6],
  ],
  [
    [4, 16, 20],
    [1, 20, 18],
  ],
  [
    [1, 16, 20],
    [4, 20, 18],
  ],
  [
    [2, 3, 16, 20],
    [2, 3, 20, 18],
  ],
  [
    [2, 3],
    [1, 3, 4],
  ],
  // Enough for several threads: rows, or columns.
  [
    [201, 70],
    [70, 93],
  ],
  [
    [18, 300],
    [300, 407],
  ],
];

/** `[..., rows, columns]` as a list of matrices, transposed when asked. */
function matrices(x: tf.Tensor, transposed: boolean): number[][][] {
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const values = x.dataSync();
  return Array.from({ length: x.size / (rows * columns) }, (_, i) => {
    const at = (row: number, column: number): number => values[(i * rows + row) * columns + column]!;
    const [height, width] = transposed ? [columns, rows] : [rows, columns];
    return Array.from({ length: height }, (_, r) =>
      Array.from({ length: width }, (_, c) => (transposed ? at(c, r) : at(r, c))),
    );
  });
}

// The same on every engine: what tfjs promises, and what wasm kept of it only after registerTrainingKernels.
describe.each(await enginesAtHand())('kernels that wasm lacked or had wrong, on %s', (engine) => {
  beforeAll(async () => {
    await useEngine(engine);
    registerTrainingKernels(tf.getBackend());
  });

  describe.each(products)('matMul of %j and %j', (left, right) => {
    it.each([
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ])('transposed: %s, %s', (transposeA, transposeB) => {
      tf.tidy(() => {
        const flip = (shape: number[], when: boolean): number[] =>
          when ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
        const [a, b] = [normal(flip(left, transposeA)), normal(flip(right, transposeB), 2)];
        const [as, bs] = [matrices(a, transposeA), matrices(b, transposeB)];
        const expected = Array.from({ length: Math.max(as.length, bs.length) }, (_, i) => {
          const [p, q] = [as[as.length === 1 ? 0 : i]!, bs[bs.length === 1 ? 0 : i]!];
          return p.map((row) => q[0]!.map((_, c) => row.reduce((sum, v, j) => sum + v * q[j]![c]!, 0)));
        });
        const c = tf.matMul(a, b, transposeA, transposeB);
        const outer = tf.broadcast_util.assertAndGetBroadcastShape(left.slice(0, -2), right.slice(0, -2));
        expect(c.shape).toEqual([...outer, left.at(-2), right.at(-1)]);
        expectClose(c, expected.flat(2), 1e-5);
        // Twice: the second time the backend may have packed an operand.
        expectClose(tf.matMul(a, b, transposeA, transposeB), expected.flat(2), 1e-5);
      });
    });
  });

  it.each([
    [
      [2, 1],
      [1, 4],
    ],
    [
      [2, 1],
      [2, 3],
    ],
    [
      [2, 3],
      [2, 1],
    ],
    [
      [3, 1, 1],
      [3, 2, 1],
    ],
    [[2], [4, 2]],
  ])('matMul of batches %j and %j, of which some are repeated', (left, right) => {
    tf.tidy(() => {
      const [a, b] = [normal([...left, 3, 5]), normal([...right, 5, 2], 2)];
      const outer = tf.broadcast_util.assertAndGetBroadcastShape(left, right);
      const all = (x: tf.Tensor): tf.Tensor[] =>
        tf.unstack(tf.reshape(tf.broadcastTo(x, [...outer, ...x.shape.slice(-2)]), [-1, ...x.shape.slice(-2)]));
      const bs = all(b);
      const expected = all(a).map((p, i) => tf.matMul(p as tf.Tensor2D, bs[i] as tf.Tensor2D));
      const c = tf.matMul(a, b);
      expect(c.shape).toEqual([...outer, 3, 2]);
      expectClose(c, [...tf.concat(expected).dataSync()], 1e-5);
    });
  });

  it('matMul of nothing is zeros', () => {
    tf.tidy(() => {
      const c = tf.matMul(tf.zeros([2, 2, 0]), tf.zeros([2, 0, 3]));
      expect([c.shape, [...c.dataSync()]]).toEqual([[2, 2, 3], new Array(12).fill(0)]);
      expect(tf.matMul(tf.zeros([2, 0, 3]), tf.zeros([2, 3, 2])).shape).toEqual([2, 0, 2]);
    });
  });

  it('matMul has its gradients and leaves nothing behind', () => {
    const [a, b] = [normal([3, 16, 20]), normal([3, 18, 20], 2)];
    const buffers = tf.memory().numDataBuffers;
    expect(leaked(() => tf.dispose(tf.grads((p, q) => tf.matMul(p!, q!, false, true))([a, b])))).toBe(0);
    expect(tf.memory().numDataBuffers).toBe(buffers);
    tf.dispose([a, b]);
    tf.tidy(() => checkGradients((p, q) => tf.matMul(p, q, true, true), [normal([2, 3, 2]), normal([2, 4, 3], 2)]));
  });

  it.each([
    [[1, 4, 4, 1], 2, 2, 'valid'],
    [[2, 5, 7, 3], 3, 2, 'same'],
    [[1, 5, 5, 2], 3, 1, 'same'],
    [[2, 7, 6, 2], 2, 3, 'valid'],
  ] as const)(
    'maxPool %j, window %i, stride %i, pad %s sends gradients to maxima below zero too',
    (shape, size, stride, pad) => {
      tf.tidy(() => {
        // All different and far enough apart for a difference not to change the order.
        const order = Float32Array.from(
          { length: tf.util.sizeFromShape([...shape]) },
          (_, i) => ((i * 37) % 211) * -0.1 - 1,
        );
        const pool = (x: tf.Tensor): tf.Tensor => tf.maxPool(x as tf.Tensor4D, size, stride, pad);
        checkGradients(pool, [tf.tensor(order, [...shape])]);
      });
    },
  );

  it.each([
    [[1, 3, 3, 1], 3, 1, 'same'],
    [[2, 5, 7, 3], 3, 2, 'same'],
    [[2, 7, 6, 2], 2, 3, 'valid'],
  ] as const)(
    'avgPool %j, window %i, stride %i, pad %s shares gradients out to what is inside',
    (shape, size, stride, pad) => {
      tf.tidy(() => checkGradients((x) => tf.avgPool(x as tf.Tensor4D, size, stride, pad), [normal([...shape])]));
    },
  );

  it('maxPool gradients leave nothing behind', () => {
    const x = normal([1, 4, 4, 2]);
    expect(
      leaked(() =>
        tf
          .grad((a) => tf.maxPool(a as tf.Tensor4D, 2, 2, 'same'))(x)
          .dispose(),
      ),
    ).toBe(0);
    x.dispose();
  });

  it('gather sums the gradients of rows that are taken more than once', () => {
    tf.tidy(() => {
      const x = normal([5, 2, 3]);
      const taken = tf.tensor1d([4, 0, 4, 4, 2], 'int32');
      checkGradients((a) => tf.gather(a, taken), [x]);
      const sums = tf.unsortedSegmentSum(tf.tensor1d([1, 2, 4, 8]), tf.tensor1d([2, 0, -1, 2], 'int32'), 3);
      expectClose(sums, [2, 0, 9]);
      const whole = tf.unsortedSegmentSum(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), tf.tensor1d([1, 1], 'int32'), 2);
      expectClose(whole, [0, 0, 4, 6]);
    });
  });

  it('clones share their values and live on alone', () => {
    const x = tf.tensor1d([1, 2, 3]);
    const buffers = tf.memory().numDataBuffers;
    const copy = tf.clone(x);
    expect(tf.memory().numDataBuffers).toBe(buffers);
    x.dispose();
    expectClose(copy, [1, 2, 3]);
    copy.dispose();
    expect(tf.memory().numDataBuffers).toBe(buffers - 1);
    const text = tf.tensor1d(['a', 'b']);
    expect(Array.from(tf.tidy(() => tf.clone(text).dataSync()))).toEqual(['a', 'b']);
    text.dispose();
  });

  it('registers once', () => {
    const kernel = tf.getKernel('BatchMatMul', tf.getBackend());
    registerTrainingKernels(tf.getBackend());
    expect(tf.getKernel('BatchMatMul', tf.getBackend())).toBe(kernel);
  });
});
