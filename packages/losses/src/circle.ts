import { option, part } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import { stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

/**
 * Circle loss, class form: each cosine is weighed by how far it is from its goal. Logits are
 * `gamma a_p (c - (1 - m))` with `a_p = max(1 + m - c, 0)` for a sample's own class, and `gamma a_n (c - m)` with
 * `a_n = max(c + m, 0)` for the others. The weights carry no gradient.
 *
 * Source: Sun et al., "Circle Loss", CVPR 2020, equations 4 to 8; constants of FaceX-Zoo's class form. The pair form of
 * pytorch-metric-learning, with columns as references, is the same; its defaults are m 0.4 and gamma 80.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = circle({ margin: 0.25 })(cosines, targets);
 * ```
 */
export const circle = part(
  'circle',
  {
    scale: scale(256),
    margin: option.number({ help: 'How far from 1 and 0 the cosines may end.', min: 0, max: 1, default: 0.25 }),
  },
  ({ scale, margin }): SoftmaxLoss =>
    softmaxLoss({
      name: 'circle',
      form: {
        target: (c) => {
          const weight = stopGradient(tf.relu(tf.sub(1 + margin, c)));
          return { logit: tf.mul(tf.mul(weight, tf.sub(c, 1 - margin)), scale) };
        },
        negative: (c) => {
          const weight = stopGradient(tf.relu(tf.add(c, margin)));
          return tf.mul(tf.mul(weight, tf.sub(c, margin)), scale);
        },
      },
    }),
);
