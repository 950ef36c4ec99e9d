import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { enginesAtHand, expectClose, leaked, useEngine } from '../testing.ts';
import { putElements, stopGradient, takeElements } from './cosines.ts';

describe.each(await enginesAtHand())('cosine operations on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  const matrix = (): tf.Tensor2D => tf.tensor2d([0.3, -1.2, 0.8, 2, 0.1, -0.4], [2, 3]);
  const weights = (): tf.Tensor2D => tf.tensor2d([1, -2, 3, 0.5, 4, -1], [2, 3]);
  const columns = (): tf.Tensor1D => tf.tensor1d([2, 0], 'int32');

  it('stopGradient gives the values and no gradient', () => {
    const x = matrix();
    expectClose(stopGradient(x), x);
    const gradient = tf.grad((y) => tf.sum(tf.mul(y, stopGradient(y))))(x);
    expectClose(gradient, x); // not 2x
  });

  it('takeElements and putElements address one element a row', () => {
    const x = matrix();
    expectClose(takeElements(x, columns()), [0.8, 2]);
    expectClose(putElements(x, columns(), tf.tensor1d([7, 8])), [0.3, -1.2, 7, 8, 0.1, -0.4]);
    expectClose(x, matrix());
  });

  it('their gradients are exact', () => {
    const take = tf.grad((x) => tf.sum(tf.mul(takeElements(x as tf.Tensor2D, columns()), tf.tensor1d([5, 6]))));
    expectClose(take(matrix()), [0, 0, 5, 6, 0, 0]);
    const put = tf.grads((x, v) =>
      tf.sum(tf.mul(putElements(x as tf.Tensor2D, columns(), v as tf.Tensor1D), weights())),
    );
    const [dx, dv] = put([matrix(), tf.tensor1d([7, 8])]);
    expectClose(dx!, [1, -2, 0, 0, 4, -1]);
    expectClose(dv!, [3, 0.5]);
  });

  it('leaves no tensor behind', () => {
    const [x, c, v] = [matrix(), columns(), tf.tensor1d([7, 8])];
    expect(
      leaked(() => {
        for (const made of [stopGradient(x), takeElements(x, c), putElements(x, c, v)]) made.dispose();
        tf.grad((y) => tf.sum(putElements(y as tf.Tensor2D, c, takeElements(stopGradient(y as tf.Tensor2D), c))))(
          x,
        ).dispose();
      }),
    ).toBe(0);
  });
});
