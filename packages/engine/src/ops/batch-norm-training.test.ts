import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, normal } from '../../fixtures/naive.ts';
import { composedKernels } from '../kernels/composed/kernels.ts';
import { expectClose, leaked } from '../testing.ts';
import { batchNormPreluTraining, batchNormTraining } from './batch-norm-training.ts';
import { prelu } from './prelu.ts';

const shapes = [
  [2, 3],
  [7, 5],
  [1, 2, 1, 4],
  [2, 1, 1, 1],
  [3, 5, 4, 9],
  [2, 7, 7, 19],
  [4, 16, 16, 32],
  // More than one thread's worth, and channels that fill no register.
  [3, 20, 21, 37],
  [6, 40, 41, 37],
];

/** Definition by loops, in double precision: forward, and the three gradients for a given dy. */
function naive(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, dy: tf.Tensor, epsilon: number) {
  const [X, S, O, D] = [x, scale, offset, dy].map((tensor) => tensor.dataSync());
  const channels = scale.size;
  const count = x.size / channels;
  const out = {
    y: new Float64Array(x.size),
    dx: new Float64Array(x.size),
    mean: new Float64Array(channels),
    variance: new Float64Array(channels),
    dScale: new Float64Array(channels),
    dOffset: new Float64Array(channels),
  };
  for (let c = 0; c < channels; c++) {
    const at = Array.from({ length: count }, (_, i) => i * channels + c);
    const mean = at.reduce((sum, i) => sum + X![i]!, 0) / count;
    const variance = at.reduce((sum, i) => sum + (X![i]! - mean) ** 2, 0) / count;
    const std = Math.sqrt(variance + epsilon);
    const unit = (i: number): number => (X![i]! - mean) / std;
    const dScale = at.reduce((sum, i) => sum + D![i]! * unit(i), 0);
    const dOffset = at.reduce((sum, i) => sum + D![i]!, 0);
    for (const i of at) {
      out.y[i] = S![c]! * unit(i) + O![c]!;
      out.dx[i] = (S![c]! / std) * (D![i]! - dOffset / count - (unit(i) * dScale) / count);
    }
    Object.entries({ mean, variance, dScale, dOffset }).forEach(([name, value]) => {
      out[name as 'mean'][c] = value;
    });
  }
  return out;
}

describe.each(await kernelEngines())('batchNormTraining on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it.each(shapes.map((shape) => [shape]))('equals the definition and its gradients for %j', (shape) => {
    tf.tidy(() => {
      const channels = shape.at(-1)!;
      const x = tf.add(tf.mul(normal(shape), 2), 3) as tf.Tensor4D;
      const scale = normal([channels], 2) as tf.Tensor1D;
      const offset = normal([channels], 3) as tf.Tensor1D;
      const dy = normal(shape, 4);
      const expected = naive(x, scale, offset, dy, 1e-3);
      const { y, mean, variance, count } = batchNormTraining(x, scale, offset, 1e-3);
      expect(y.shape).toEqual(shape);
      expect(count).toBe(x.size / channels);
      expectClose(y, expected.y, 1e-4);
      expectClose(mean, expected.mean, 1e-5);
      expectClose(variance, expected.variance, 1e-4);
      const f = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor): tf.Tensor =>
        tf.sum(tf.mul(batchNormTraining(a as tf.Tensor4D, b as tf.Tensor1D, c as tf.Tensor1D, 1e-3).y, dy));
      const [dx, dScale, dOffset] = tf.grads(f as never)([x, scale, offset]);
      expectClose(dx!, expected.dx, 1e-3);
      expectClose(dScale!, expected.dScale, 1e-3);
      expectClose(dOffset!, expected.dOffset, 1e-3);

      // The composition that other backends get, on this one.
      const image = shape.length === 4 ? x : (tf.reshape(x, [shape[0]!, 1, 1, channels]) as tf.Tensor4D);
      const all = { x: image, scale, offset };
      const composed = composedKernels.batchNormTraining(all, { epsilon: 1e-3 }, tf.backend());
      const [composedY, composedMean, composedVariance] = composed;
      [expected.y, expected.mean, expected.variance].forEach((values, i) => {
        expectClose(composed[i]!, values, 1e-4);
      });
      expect(composedY.shape).toEqual(image.shape);
      const moments = { mean: composedMean, variance: composedVariance };
      const inputs = { dy: tf.reshape(dy, image.shape) as tf.Tensor4D, x: image, scale, ...moments };
      const gradients = composedKernels.batchNormTrainingGrad(inputs, { epsilon: 1e-3 }, tf.backend());
      [expected.dx, expected.dScale, expected.dOffset].forEach((values, i) => {
        expectClose(gradients[i]!, values, 1e-3);
      });
    });
  });

  it('has the gradients that finite differences see', () => {
    tf.tidy(() => {
      const inputs = [normal([2, 3, 2, 3]), normal([3], 2), normal([3], 3)];
      checkGradients(
        (x, scale, offset) => batchNormTraining(x as tf.Tensor4D, scale as tf.Tensor1D, offset as tf.Tensor1D).y,
        inputs,
      );
    });
  });

  it('gives what PyTorch keeps as running variance, far from zero too', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([1000, 1001, 1003], [3, 1]);
      const { variance, count } = batchNormTraining(x, tf.ones([1]), tf.zeros([1]));
      expectClose(variance, [14 / 9], 1e-3);
      expectClose(tf.mul(variance, count / (count - 1)), [7 / 3], 1e-3);
    });
  });

  it('leaves no tensor behind, with and without a gradient', () => {
    const [x, scale, offset] = [normal([4, 3]) as tf.Tensor2D, tf.ones([3]), tf.zeros([3])] as const;
    const run = (a: tf.Tensor2D): tf.Tensor => batchNormTraining(a, scale as tf.Tensor1D, offset as tf.Tensor1D).y;
    const forward = (): void => {
      const { y, mean, variance } = batchNormTraining(x, scale as tf.Tensor1D, offset as tf.Tensor1D);
      tf.dispose([y, mean, variance]);
    };
    forward();
    expect(leaked(forward)).toBe(0);
    const buffers = tf.memory().numDataBuffers;
    expect(
      leaked(() =>
        tf
          .grad((a) => run(a as tf.Tensor2D))(x)
          .dispose(),
      ),
    ).toBe(0);
    expect(tf.memory().numDataBuffers).toBe(buffers);
    tf.dispose([x, scale, offset]);
  });

  it('refuses shapes that do not fit and a batch without variance', () => {
    tf.tidy(() => {
      const [ones, zeros] = [tf.ones([3]) as tf.Tensor1D, tf.zeros([3]) as tf.Tensor1D];
      expect(() => batchNormTraining(tf.zeros([2, 4]) as tf.Tensor2D, ones, zeros)).toThrow(/shape of scale.*\[4\]/);
      expect(() => batchNormTraining(tf.zeros([2, 3]) as tf.Tensor2D, ones, tf.zeros([4]))).toThrow(/shape of offset/);
      expect(() => batchNormTraining(tf.zeros([2, 2, 3]) as never, ones, zeros)).toThrow(/\[B, C\] or \[B, H, W, C\]/);
      expect(() => batchNormTraining(tf.zeros([1, 3]) as tf.Tensor2D, ones, zeros)).toThrow(/values per channel is 1/);
      expect(() => batchNormTraining(tf.zeros([0, 3]) as tf.Tensor2D, ones, zeros)).toThrow(/values per channel is 0/);
      expect(() => batchNormTraining(tf.zeros([2, 3]) as tf.Tensor2D, ones, zeros, Number.NaN)).toThrow(/epsilon/);
    });
  });
});

describe.each(await kernelEngines())('batchNormPreluTraining on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  it.each(shapes.map((shape) => [shape]))('equals normalization and PReLU one after the other for %j', (shape) => {
    tf.tidy(() => {
      const channels = shape.at(-1)!;
      const inputs = [tf.add(normal(shape), 1), ...[2, 3, 4].map((seed) => normal([channels], seed))];
      const dy = normal(shape, 5);
      type Four = [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
      const together = (...given: tf.Tensor[]): tf.Tensor => batchNormPreluTraining(...(given as Four), 1e-3).y;
      const apart = (...given: tf.Tensor[]): tf.Tensor => {
        const [x, scale, offset, alpha] = given as Four;
        return prelu(batchNormTraining(x, scale, offset, 1e-3).y, alpha);
      };
      expectClose(together(...inputs), apart(...inputs), 1e-6);
      const [found, expected] = [together, apart].map((f) => tf.grads(f)(inputs, dy));
      for (const [i, gradient] of expected!.entries()) {
        expectClose(found![i]!, gradient, 1e-5);
      }
      const [moments, plain] = [
        batchNormPreluTraining(...(inputs as Four)),
        batchNormTraining(...(inputs.slice(0, 3) as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D])),
      ];
      expectClose(moments.mean.dataSync(), plain.mean.dataSync(), 0);
      expectClose(moments.variance.dataSync(), plain.variance.dataSync(), 0);
    });
  });

  it('leaves no tensor behind', () => {
    const [x, scale, offset, alpha] = [normal([4, 3]), normal([3], 2), normal([3], 3), normal([3], 4)];
    const loss = (a: tf.Tensor): tf.Scalar =>
      tf.sum(
        tf.square(
          batchNormPreluTraining(x as tf.Tensor2D, scale as tf.Tensor1D, offset as tf.Tensor1D, a as tf.Tensor1D).y,
        ),
      );
    expect(leaked(() => tf.tidy(() => tf.dispose(tf.grad(loss)(alpha!))))).toBe(0);
    tf.dispose([x!, scale!, offset!, alpha!]);
  });
});
