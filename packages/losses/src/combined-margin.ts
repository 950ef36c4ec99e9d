import { number } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { angleOf, fallingCosine } from './angles.ts';
import { type MarginLoss, marginLoss } from './margin-loss.ts';

export interface CombinedMarginOptions {
  /** What cosines are multiplied by. Default 64. */
  readonly scale?: number;
  /** m1, the angle's factor; in [1, 4]. Default 1. */
  readonly m1?: number;
  /** m2, added to the angle, radians; in [0, pi]. Default 0.3. */
  readonly m2?: number;
  /** m3, taken off the cosine; in [0, 2]. Default 0.2. */
  readonly m3?: number;
}

/**
 * Combined margin: `cos(m1 t + m2) - m3` in place of `cos(t)` at a sample's own class; SphereFace, ArcFace and CosFace
 * in one. Beyond an angle of pi it goes on falling as SphereFace does, `-2 - cos(m1 t + m2)`.
 *
 * Source: Deng et al., ArcFace, CVPR 2019, equation 4; the defaults are its combination "CM2" (1, 0.3, 0.2).
 * InsightFace's PyTorch version takes either m2 or m3 and drops the other without a word; its MXNet version has both,
 * but lets the cosine rise again beyond pi.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = combinedMargin({ m1: 1, m2: 0.3, m3: 0.2 })(cosines, targets);
 * ```
 */
export function combinedMargin(options: CombinedMarginOptions = {}): MarginLoss {
  const { scale = 64, m1 = 1, m2 = 0.3, m3 = 0.2 } = options;
  number('combinedMargin', 'scale', scale, 1e-6, 1e6);
  number('combinedMargin', 'm1', m1, 1, 4);
  number('combinedMargin', 'm2', m2, 0, Math.PI);
  number('combinedMargin', 'm3', m3, 0, 2);
  return marginLoss({
    name: 'combinedMargin',
    scale,
    margin: (c) => tf.tidy(() => tf.sub(fallingCosine(tf.add(tf.mul(angleOf(c), m1), m2)), m3)),
  });
}
