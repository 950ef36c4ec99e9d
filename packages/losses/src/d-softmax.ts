import { number } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { softmaxLoss } from './softmax-loss.ts';

export interface DSoftmaxOptions {
  /** What cosines are multiplied by. Default 32. */
  readonly scale?: number;
  /** d: the cosine to its own class that a sample is drawn to; in [-1, 1]. Default 0.9. */
  readonly goal?: number;
}

/**
 * D-Softmax: own class and other classes apart, `log(1 + exp(s d - s c_y)) + log(1 + sum_j exp(s c_j))`, so that one
 * goal met does not end the pull of the other.
 *
 * Source: He et al., "Softmax Dissection: Towards Understanding Intra- and Inter-class Objective", AAAI 2020. Scale and
 * goal are this library's choice.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = dSoftmax({ goal: 0.9 })(cosines, targets);
 * ```
 */
export function dSoftmax(options: DSoftmaxOptions = {}): SoftmaxLoss {
  const { scale = 32, goal = 0.9 } = options;
  number('dSoftmax', 'scale', scale, 1e-6, 1e6);
  number('dSoftmax', 'goal', goal, -1, 1);
  return softmaxLoss({
    name: 'dSoftmax',
    form: {
      target: (c) => ({ logit: tf.mul(c, scale) }),
      negative: scale,
      combine: ({ logit }, negatives) => tf.add(tf.softplus(tf.sub(goal * scale, logit)), tf.softplus(negatives)),
    },
  });
}
