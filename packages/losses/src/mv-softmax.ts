import { check, number } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { above, arcMargin, column } from './angles.ts';
import { softmaxLoss } from './softmax-loss.ts';

export interface MvSoftmaxOptions {
  /** What cosines are multiplied by. Default 32. */
  readonly scale?: number;
  /** At the sample's own class: `am` takes it off the cosine, `arc` adds it to the angle. Default 0.35, in [0, 2]. */
  readonly margin?: number;
  /** Default `am`. */
  readonly kind?: 'am' | 'arc';
  /** t, how much harder hard classes are made; at least 1. Default 1.12. */
  readonly weight?: number;
}

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
export function mvSoftmax(options: MvSoftmaxOptions = {}): SoftmaxLoss {
  const { scale = 32, margin = 0.35, kind = 'am', weight = 1.12 } = options;
  const where = 'mvSoftmax';
  number(where, 'scale', scale, 1e-6, 1e6);
  number(where, 'margin', margin, 0, 2);
  number(where, 'weight', weight, 1, 10);
  check(kind === 'am' || kind === 'arc', () => ({ where, what: 'kind', got: kind, expected: 'am or arc' }));
  return softmaxLoss({
    name: where,
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
}
