import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { normal } from '../../fixtures/naive.ts';
import { enginesAtHand, expectClose, useEngine } from '../testing.ts';
import { batchNormTraining } from './batch-norm-training.ts';
import { prelu } from './prelu.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { updateRows } from './update-rows.ts';

/** A few steps of a small network with every kind of layer that encoders have; loss and tensors after each. */
function train(steps: number): { losses: number[]; tensors: number[] } {
  const weight = (shape: number[], seed: number): tf.Variable => tf.tidy(() => tf.variable(normal(shape, seed, 0.2)));
  const filter = weight([3, 3, 3, 8], 1);
  const separate = weight([3, 3, 8, 1], 2);
  const dense = weight([4 * 4 * 8, 6], 3);
  const [scale, offset] = tf.tidy(() => [tf.variable(tf.ones([8])), tf.variable(tf.zeros([8]))]);
  const alpha = tf.tidy(() => tf.variable(tf.fill([8], 0.25)));
  const variables = [filter, separate, dense, scale!, offset!, alpha] as tf.Variable[];
  const memory = tf.tidy(() => tf.variable(normal([20, 6], 4) as tf.Tensor2D, false));
  const x = normal([4, 8, 8, 3], 5) as tf.Tensor4D;
  const targets = tf.tensor1d([3, 0, 19, 7], 'int32');
  const [losses, tensors]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps; step++) {
    const rows = normal([2, 6], 10 + step) as tf.Tensor2D;
    updateRows(memory as tf.Tensor2D, Int32Array.of(step, 19 - step), rows);
    rows.dispose();
    const { value: loss, grads } = tf.variableGrads(() => {
      const y = tf.conv2d(x, filter as tf.Tensor4D, 1, 'same');
      const normed = batchNormTraining(y, scale as tf.Tensor1D, offset as tf.Tensor1D).y;
      const halved = tf.depthwiseConv2d(prelu(normed, alpha as tf.Tensor1D), separate as tf.Tensor4D, 2, 'same');
      const embeddings = tf.matMul(tf.reshape(halved, [4, -1]), dense as tf.Tensor2D) as tf.Tensor2D;
      const scores = tf.matMul(embeddings, memory as tf.Tensor2D, false, true) as tf.Tensor2D;
      return tf.mean(sparseSoftmaxCrossEntropy(scores, targets)) as tf.Scalar;
    }, variables);
    tf.tidy(() => {
      for (const variable of variables) variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, 0.1)));
    });
    tf.dispose(grads);
    losses.push(loss.dataSync()[0]!);
    loss.dispose();
    tensors.push(tf.memory().numTensors);
  }
  tf.dispose([...variables, memory, x, targets]);
  return { losses, tensors };
}

describe('training', async () => {
  let reference: number[];

  beforeAll(async () => {
    await useEngine('cpu');
    reference = train(5).losses;
  });

  it.each(await enginesAtHand())('takes the same course on %s as on cpu, without a tensor more', async (engine) => {
    await useEngine(engine);
    const before = tf.memory().numTensors;
    const { losses, tensors } = train(5);
    expectClose(losses, reference, 1e-4);
    expect(new Set(tensors).size).toBe(1);
    expect(tf.memory().numTensors).toBe(before);
    expect(Math.min(...losses.slice(1))).toBeLessThan(losses[0]!);
  });
});
