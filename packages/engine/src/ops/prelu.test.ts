import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, normal } from '../../fixtures/naive.ts';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { expectClose, leaked } from '../testing.ts';
import { prelu } from './prelu.ts';

const slopes = {
  usual: [0.25, 0.1, 0.25, 0.25, 0.3],
  'zero, one and negative': [0, 1, -0.5, -2, 0.25],
  'above one': [0.25, 1.5, 0.25, 3, 0.25],
};

describe.each(await kernelEngines())('prelu on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  describe.each(Object.entries(slopes))('slopes %s', (_, alphas) => {
    it.each([[[5]], [[1, 5]], [[3, 5]], [[2, 3, 3, 5]], [[1, 17, 9, 5]]])('equals the definition for %j', (shape) => {
      tf.tidy(() => {
        const alpha = tf.tensor1d(alphas);
        // A zero, to pin which side it is on.
        const values = normal(shape).dataSync();
        values[0] = 0;
        const x = tf.tensor(values, shape);
        const dy = normal(shape, 2);
        const [y, dx, dAlpha] = [new Float64Array(x.size), new Float64Array(x.size), new Float64Array(5)];
        values.forEach((v, i) => {
          const [a, d] = [alphas[i % 5]!, dy.dataSync()[i]!];
          y[i] = v > 0 ? v : a * v;
          dx[i] = v > 0 ? d : a * d;
          dAlpha[i % 5]! += v > 0 ? 0 : v * d;
        });
        expectClose(prelu(x, alpha), y, 1e-6);
        const f = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.sum(tf.mul(prelu(a, b as tf.Tensor1D), dy));
        const gradients = tf.grads(f as never)([x, alpha]);
        expect(gradients.map((g) => g.shape)).toEqual([shape, [5]]);
        expectClose(gradients[0]!, dx, 1e-6);
        expectClose(gradients[1]!, dAlpha, 1e-5);
        expectClose(composedKernels.prelu({ x, alpha }, {}, tf.backend()), y, 1e-6);
        const composed = composedKernels.preluGrad({ dy, x, alpha }, {}, tf.backend());
        expectClose(composed[0], dx, 1e-6);
        expectClose(composed[1], dAlpha, 1e-5);
      });
    });
  });

  it('has the gradients that finite differences see', () => {
    tf.tidy(() => {
      // Away from the kink, where a difference is no gradient.
      const x = tf.tensor2d([0.5, -0.7, 1.2, -0.3, -2, 0.9], [2, 3]);
      checkGradients((a, b) => prelu(a, b as tf.Tensor1D), [x, tf.tensor1d([0.25, 1.5, -0.5])]);
    });
  });

  it('leaves no tensor behind', () => {
    const [x, alpha] = [normal([4, 3]), tf.fill([3], 0.25) as tf.Tensor1D];
    const buffers = tf.memory().numDataBuffers;
    expect(leaked(() => prelu(x, alpha).dispose())).toBe(0);
    expect(leaked(() => tf.dispose(tf.grads((a, b) => prelu(a!, b as tf.Tensor1D))([x, alpha])))).toBe(0);
    expect(tf.memory().numDataBuffers).toBe(buffers);
    tf.dispose([x, alpha]);
  });

  it('refuses slopes that do not fit', () => {
    tf.tidy(() => {
      expect(() => prelu(tf.zeros([2, 3]), tf.zeros([2]))).toThrow(/shape of alpha is \[2\], expected \[3\]/);
      expect(() => prelu(tf.zeros([2, 3]), tf.scalar(1) as never)).toThrow(/shape of alpha/);
    });
  });
});
