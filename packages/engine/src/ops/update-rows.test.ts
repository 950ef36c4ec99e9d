import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { normal } from '../../fixtures/naive.ts';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { enginesAtHand, expectClose, leaked, useEngine } from '../testing.ts';
import { updateRows } from './update-rows.ts';

/** Products in double precision. */
function naiveProduct(a: ArrayLike<number>, b: ArrayLike<number>, m: number, k: number, n: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += a[Math.floor(i / n) * k + j]! * b[j * n + (i % n)]!;
    return sum;
  });
}

describe.each(await enginesAtHand())('updateRows on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it('writes the rows and nothing else, to tensors, variables and what shares their buffer', () => {
    tf.tidy(() => {
      const matrix = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
      const flat = tf.reshape(matrix, [6]);
      updateRows(matrix, Int32Array.of(2, 0), tf.tensor2d([10, 11, 20, 21], [2, 2]));
      expectClose(matrix, [20, 21, 3, 4, 10, 11]);
      expectClose(flat, [20, 21, 3, 4, 10, 11]);
      const variable = tf.variable(tf.zeros([2, 2]) as tf.Tensor2D, false);
      updateRows(variable, Int32Array.of(1), tf.tensor2d([[7, 8]]));
      expectClose(variable, [0, 0, 7, 8]);
      updateRows(variable, new Int32Array(), tf.zeros([0, 2]));
      expectClose(variable, [0, 0, 7, 8]);
      variable.dispose();
    });
  });

  it('reads values that are the result of an op, and leaves them alone', () => {
    tf.tidy(() => {
      const matrix = tf.mul(tf.ones([5, 3]), 2) as tf.Tensor2D;
      const values = tf.add(tf.zeros([2, 3]), 1) as tf.Tensor2D;
      updateRows(matrix, Int32Array.of(4, 1), values);
      expectClose(matrix, [2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 1]);
      updateRows(matrix, Int32Array.of(4), tf.zeros([1, 3]));
      expectClose(values, [1, 1, 1, 1, 1, 1]);
    });
  });

  it('moves rows of the matrix itself, whose memory the values may share', () => {
    tf.tidy(() => {
      // So wide that TensorFlow takes the slice where it is.
      const matrix = tf.tensor2d(
        Float32Array.from({ length: 4 * 16 }, (_, i) => Math.floor(i / 16)),
        [4, 16],
      );
      updateRows(matrix, Int32Array.of(1, 2, 3), tf.slice(matrix, [0, 0], [3, 16]));
      expect([0, 16, 32, 48].map((place) => matrix.dataSync()[place])).toEqual([0, 0, 1, 2]);
    });
  });

  it('is seen by every kind of product afterwards, again and again', () => {
    const [rows, width, batch] = [40, 24, 8];
    tf.tidy(() => {
      const matrix = tf.variable(normal([rows, width]) as tf.Tensor2D, false);
      const embeddings = normal([batch, width], 2) as tf.Tensor2D;
      const logits = normal([batch, rows], 3) as tf.Tensor2D;
      const clone = tf.clone(matrix);
      for (let step = 0; step < 3; step++) {
        const w = matrix.dataSync().slice();
        const transposed = Float32Array.from(w, (_, i) => w[(i % rows) * width + Math.floor(i / rows)]!);
        const scores = naiveProduct(embeddings.dataSync(), transposed, batch, width, rows);
        expectClose(tf.matMul(embeddings, matrix, false, true), scores, 1e-4);
        expectClose(tf.matMul(logits, matrix), naiveProduct(logits.dataSync(), w, batch, rows, width), 1e-4);
        expectClose(tf.matMul(logits, clone), naiveProduct(logits.dataSync(), w, batch, rows, width), 1e-4);
        const gradient = tf.grad((e) => tf.sum(tf.mul(tf.matMul(e as tf.Tensor2D, matrix, false, true), logits)));
        expectClose(gradient(embeddings), naiveProduct(logits.dataSync(), w, batch, rows, width), 1e-4);
        updateRows(matrix, Int32Array.of(step, 39, 20), normal([3, width], 10 + step) as tf.Tensor2D);
      }
      matrix.dispose();
    });
  });

  it('leaves no tensor and no memory behind', () => {
    const matrix = normal([6, 4]) as tf.Tensor2D;
    const values = normal([2, 4], 2) as tf.Tensor2D;
    const buffers = tf.memory().numDataBuffers;
    expect(leaked(() => updateRows(matrix, Int32Array.of(0, 5), values))).toBe(0);
    expect(tf.memory().numDataBuffers).toBe(buffers);
    tf.dispose([matrix, values]);
    expect(tf.memory().numDataBuffers).toBe(buffers - 2);
  });

  it('gives a variable a changed copy where buffers cannot change', () => {
    tf.tidy(() => {
      const matrix = tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2]), false) as tf.Tensor2D & tf.Variable;
      const update = composedKernels.updateRows;
      const attrs = { rows: Int32Array.of(1) };
      expect(leaked(() => void update({ matrix, values: tf.keep(tf.tensor2d([[7, 8]])) }, attrs, tf.backend()))).toBe(
        1,
      );
      expectClose(matrix, [1, 2, 7, 8]);
      const tensor = tf.zeros<tf.Rank.R2>([2, 2]);
      expect(() => update({ matrix: tensor, values: tf.zeros([1, 2]) }, attrs, tf.backend())).toThrow(/tf\.variable/);
      matrix.dispose();
    });
  });

  it('refuses rows and values that do not fit, and then writes nothing', () => {
    tf.tidy(() => {
      const matrix = tf.zeros([3, 2]) as tf.Tensor2D;
      const ones = tf.ones([2, 2]) as tf.Tensor2D;
      expect(() => updateRows(matrix, Int32Array.of(0, 3), ones)).toThrow(/rows is 3, expected rows in \[0, 3\)/);
      expect(() => updateRows(matrix, Int32Array.of(0, -1), ones)).toThrow(/rows is -1/);
      expect(() => updateRows(matrix, Int32Array.of(1, 1), ones)).toThrow(/at most once/);
      expect(() => updateRows(matrix, Int32Array.of(1), ones)).toThrow(/values is .* expected float32 \[1, 2\]/);
      expect(() => updateRows(matrix, Int32Array.of(0, 1), tf.ones([2, 3]))).toThrow(/values is/);
      expect(() => updateRows(tf.zeros([3, 2], 'int32'), Int32Array.of(0, 1), ones)).toThrow(/matrix is "int32/);
      expectClose(matrix, [0, 0, 0, 0, 0, 0]);
    });
  });
});
