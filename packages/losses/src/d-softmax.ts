import { option, part } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

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
export const dSoftmax = part(
  'dSoftmax',
  {
    scale: scale(32),
    goal: option.number({ help: 'Cosine to its own class that a sample is drawn to.', min: -1, max: 1, default: 0.9 }),
  },
  ({ scale, goal }): SoftmaxLoss =>
    softmaxLoss({
      name: 'd-softmax',
      form: {
        target: (c) => ({ logit: tf.mul(c, scale) }),
        negative: scale,
        combine: ({ logit }, negatives) => tf.add(tf.softplus(tf.sub(goal * scale, logit)), tf.softplus(negatives)),
      },
    }),
);
