import { option, part } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { arcMargin, column } from './angles.ts';
import { angularMargin, scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

/**
 * ArcNegFace: every other class is weighed by how near it is to the target with its margin, `a = cos(t_y + m)`:
 * `w c + w - 1` in place of `c`, with `w = alpha exp(-(c - a)² / sigma)`. The gradient flows through w, to both cosines.
 *
 * Source: Liu et al., "Towards Flops-constrained Face Recognition", ICCVW 2019; constants of FaceX-Zoo. Public copies
 * take w outside of autograd: the same values, another gradient.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = arcNegFace()(cosines, targets);
 * ```
 */
export const arcNegFace = part(
  'arcNegFace',
  {
    scale: scale(64),
    margin: angularMargin(0.5),
    weight: option.number({
      help: 'Weight of a class exactly as near as the target, alpha.',
      min: 0,
      max: 100,
      default: 1.2,
    }),
    width: option.number({ help: 'How fast the weight falls off, sigma.', min: 1e-6, max: 1e6, default: 2 }),
  },
  ({ scale, margin, weight, width }): SoftmaxLoss =>
    softmaxLoss({
      name: 'arc-neg-face',
      form: {
        target: (c) => {
          const met = arcMargin(c, margin);
          return { logit: tf.mul(met, scale), values: [met] };
        },
        negative: (c, { values }) => {
          const w = tf.mul(tf.exp(tf.div(tf.square(tf.sub(c, column(values![0]!))), -width)), weight);
          return tf.mul(tf.sub(tf.mul(w, tf.add(c, 1)), 1), scale);
        },
      },
    }),
);
