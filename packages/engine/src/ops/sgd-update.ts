import * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import { listed } from '../kernels/listed.ts';
import { checkLengths } from './check-lengths.ts';

const run = registeredKernel('sgdUpdate');

/** What a step of SGD starts from. All tensors stay the caller's. */
export interface SgdStep {
  readonly weights: readonly tf.Tensor[];
  /** One of each weight's shape; none without momentum. */
  readonly velocities: readonly tf.Tensor[];
  readonly gradients: readonly tf.Tensor[];
  /** L2 penalty of each weight. */
  readonly decays: readonly number[];
  /** Learning rate. */
  readonly rate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
}

/**
 * One step of stochastic gradient descent of all weights at once, in PyTorch's arithmetic:
 * `d = g + decay * w; v = momentum * v + d; w = w - rate * v` (nesterov: `w - rate * (d + momentum * v)`).
 *
 * @returns new weights and velocities; the caller's. Not differentiable.
 * @throws ProtomemError when the lists differ in length
 *
 * @example
 * ```ts
 * const { weights, velocities } = sgdUpdate({
 *   weights: [tf.tensor1d([1])], velocities: [tf.tensor1d([0])], gradients: [tf.tensor1d([2])],
 *   decays: [0], rate: 0.1, momentum: 0.9, nesterov: false,
 * }); // [0.8] and [2]
 * ```
 */
export function sgdUpdate(step: SgdStep): { weights: tf.Tensor[]; velocities: tf.Tensor[] } {
  const { weights, velocities, gradients, decays, rate, momentum, nesterov } = step;
  const count = weights.length;
  const lists = { gradients, decays, ...(velocities.length > 0 && { velocities }) };
  checkLengths('sgdUpdate', lists, count, 'weight');
  if (count === 0) return { weights: [], velocities: [] };
  const outputs = tf.tidy(() =>
    run(
      { rate: tf.scalar(rate), decays: tf.tensor1d([...decays]), ...listed({ weights, velocities, gradients }) },
      { momentum, nesterov },
    ),
  );
  return { weights: outputs.slice(0, count), velocities: outputs.slice(count) };
}
