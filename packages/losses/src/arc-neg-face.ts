import { number } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { arcMargin, column } from './angles.ts';
import { softmaxLoss } from './softmax-loss.ts';

export interface ArcNegFaceOptions {
  /** What cosines are multiplied by. Default 64. */
  readonly scale?: number;
  /** Added to the angle to a sample's own class, radians; in [0, pi]. Default 0.5. */
  readonly margin?: number;
  /** alpha, the weight of a class exactly as near as the target. Default 1.2. */
  readonly weight?: number;
  /** sigma, how fast the weight falls off. Default 2. */
  readonly width?: number;
}

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
export function arcNegFace(options: ArcNegFaceOptions = {}): SoftmaxLoss {
  const { scale = 64, margin = 0.5, weight = 1.2, width = 2 } = options;
  number('arcNegFace', 'scale', scale, 1e-6, 1e6);
  number('arcNegFace', 'margin', margin, 0, Math.PI);
  number('arcNegFace', 'weight', weight, 0, 100);
  number('arcNegFace', 'width', width, 1e-6, 1e6);
  return softmaxLoss({
    name: 'arcNegFace',
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
  });
}
