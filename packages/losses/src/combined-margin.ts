import { option, part } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { angleOf, fallingCosine } from './angles.ts';
import { type MarginLoss, marginLoss } from './margin-loss.ts';
import { scale } from './shared-options.ts';

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
export const combinedMargin = part(
  'combinedMargin',
  {
    scale: scale(64),
    m1: option.number({ help: "The angle's factor.", min: 1, max: 4, default: 1 }),
    m2: option.number({ help: 'Added to the angle, radians.', min: 0, max: Math.PI, default: 0.3 }),
    m3: option.number({ help: 'Taken off the cosine.', min: 0, max: 2, default: 0.2 }),
  },
  ({ scale, m1, m2, m3 }): MarginLoss =>
    marginLoss({
      name: 'combined-margin',
      scale,
      margin: (c) => tf.tidy(() => tf.sub(fallingCosine(tf.add(tf.mul(angleOf(c), m1), m2)), m3)),
    }),
);
