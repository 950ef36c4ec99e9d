import { number } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import { stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { softmaxLoss } from './softmax-loss.ts';

export interface CircleOptions {
  /** gamma. Default 256. */
  readonly scale?: number;
  /** m, how far from 1 and 0 the cosines may end; in [0, 1]. Default 0.25. */
  readonly margin?: number;
}

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
export function circle(options: CircleOptions = {}): SoftmaxLoss {
  const { scale = 256, margin = 0.25 } = options;
  number('circle', 'scale', scale, 1e-6, 1e6);
  number('circle', 'margin', margin, 0, 1);
  return softmaxLoss({
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
  });
}
