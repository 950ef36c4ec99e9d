import { option, part } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { above, arcMargin, column } from './angles.ts';
import { scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

/**
 * MV-Softmax: other classes whose cosine exceeds the target with its margin are mis-classified vectors, and count more:
 * `t c + t - 1` in place of `c`.
 *
 * Source: Wang et al., "Mis-classified Vector Guided Softmax Loss", AAAI 2020; constants of FaceX-Zoo (FFC takes 1.2).
 * FaceX-Zoo applies the margin only to cosines above it (`am`) or above 0 (`arc`); here it always applies.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = mvSoftmax({ kind: 'arc', margin: 0.5 })(cosines, targets);
 * ```
 */
export const mvSoftmax = part(
  'mvSoftmax',
  {
    scale: scale(32),
    margin: option.number({
      help: "At the sample's own class: am takes it off the cosine, arc adds it to the angle.",
      min: 0,
      max: 2,
      default: 0.35,
    }),
    kind: option.choice(['am', 'arc'], { help: 'Additive margin on the cosine or on the angle.', default: 'am' }),
    weight: option.number({ help: 'How much harder hard classes are made.', min: 1, max: 10, default: 1.12 }),
  },
  ({ scale, margin, kind, weight }): SoftmaxLoss => {
    return softmaxLoss({
      name: 'mv-softmax',
      form: {
        target: (c) => {
          const met: tf.Tensor1D = kind === 'am' ? tf.sub(c, margin) : arcMargin(c, margin);
          return { logit: tf.mul(met, scale), values: [met] };
        },
        negative: (c, { values }) => {
          // c + (t - 1)(c + 1) where hard.
          const more = tf.mul(above(c, column(values![0]!)), tf.mul(tf.add(c, 1), weight - 1));
          return tf.mul(tf.add(c, more), scale);
        },
      },
    });
  },
);
