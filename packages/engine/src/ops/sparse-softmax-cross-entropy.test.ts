import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkGradients, normal } from '../../fixtures/naive.ts';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { enginesAtHand, expectClose, leaked, useEngine } from '../testing.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';

/** Loss and the gradient of `sum(dy * loss)`, row by row in double precision. */
function naive(logits: Float32Array, targets: readonly number[], columns: number, dy: ArrayLike<number>) {
  const loss = new Float64Array(targets.length);
  const gradient = new Float64Array(logits.length);
  targets.forEach((target, b) => {
    const row = Array.from(logits.subarray(b * columns, (b + 1) * columns));
    const largest = Math.max(...row);
    const sum = row.reduce((total, z) => total + Math.exp(z - largest), 0);
    loss[b] = Math.log(sum) + largest - row[target]!;
    row.forEach((z, m) => {
      gradient[b * columns + m] = (Math.exp(z - largest) / sum - (m === target ? 1 : 0)) * dy[b]!;
    });
  });
  return { loss, gradient };
}

describe.each(await enginesAtHand())('sparseSoftmaxCrossEntropy on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it.each([
    [1, 1, 1],
    [1, 7, 1],
    [5, 1, 1],
    [6, 33, 3],
    [4, 1000, 60],
  ])('equals the definition for %i rows, %i columns, std %f', (rows, columns, std) => {
    tf.tidy(() => {
      const logits = normal([rows, columns], 5, std) as tf.Tensor2D;
      const targets = Array.from({ length: rows }, (_, i) => (i * 7 + columns - 1) % columns);
      const columnTensor = tf.tensor1d(targets, 'int32');
      const dy = normal([rows], 6) as tf.Tensor1D;
      const expected = naive(logits.dataSync<'float32'>(), targets, columns, dy.dataSync());
      expectClose(sparseSoftmaxCrossEntropy(logits, columnTensor), expected.loss, 1e-6);
      const f = (z: tf.Tensor): tf.Tensor =>
        tf.sum(tf.mul(sparseSoftmaxCrossEntropy(z as tf.Tensor2D, columnTensor), dy));
      expectClose(tf.grad(f)(logits), expected.gradient, 1e-5);
      const inputs = { logits, targets: columnTensor };
      const composed = composedKernels.sparseSoftmaxCrossEntropy(inputs, {}, tf.backend());
      expectClose(composed[0], expected.loss, 1e-5);
      expectClose(tf.mul(composed[1], tf.expandDims(dy, 1)), expected.gradient, 1e-5);
    });
  });

  it('stays finite where the target has no probability left', () => {
    tf.tidy(() => {
      const loss = sparseSoftmaxCrossEntropy(tf.tensor2d([[500, -500, 0]]), tf.tensor1d([1], 'int32'));
      expectClose(loss, [1000]);
    });
  });

  it('has the gradient that finite differences see', () => {
    tf.tidy(() => {
      const targets = tf.tensor1d([4, 0, 2], 'int32');
      checkGradients((z) => sparseSoftmaxCrossEntropy(z as tf.Tensor2D, targets), [normal([3, 5])]);
    });
  });

  it('leaves no tensor behind', () => {
    const [logits, targets] = [normal([4, 9]) as tf.Tensor2D, tf.tensor1d([0, 8, 3, 3], 'int32')];
    const buffers = tf.memory().numDataBuffers;
    expect(leaked(() => sparseSoftmaxCrossEntropy(logits, targets).dispose())).toBe(0);
    expect(
      leaked(() =>
        tf
          .grad((z) => sparseSoftmaxCrossEntropy(z as tf.Tensor2D, targets))(logits)
          .dispose(),
      ),
    ).toBe(0);
    expect(tf.memory().numDataBuffers).toBe(buffers);
    tf.dispose([logits, targets]);
  });

  it('refuses targets of another type or length, or outside the columns', () => {
    tf.tidy(() => {
      const logits = tf.zeros([2, 3]) as tf.Tensor2D;
      const run = (targets: tf.Tensor1D) => () => sparseSoftmaxCrossEntropy(logits, targets);
      expect(run(tf.tensor1d([0, 1]))).toThrow(/targets is "float32 \[2\]", expected int32 \[2\]/);
      expect(run(tf.tensor1d([0], 'int32'))).toThrow(/expected int32 \[2\]/);
      expect(run(tf.tensor1d([0, 3], 'int32'))).toThrow(/targets is .*3.*, expected columns in \[0, 3\)/);
      expect(run(tf.tensor1d([-1, 0], 'int32'))).toThrow(/expected columns in \[0, 3\)/);
      expect(() => sparseSoftmaxCrossEntropy(tf.zeros([0, 3]), tf.tensor1d([], 'int32'))).toThrow(/shape of logits/);
    });
  });
});
