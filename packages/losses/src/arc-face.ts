import { option, part } from '@protomem/core';
import { stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { arcMargin, shiftedCosine } from './angles.ts';
import { type MarginLoss, marginLoss } from './margin-loss.ts';
import { angularMargin, scale } from './shared-options.ts';

/**
 * ArcFace: the angle to a sample's own class must win by a margin, `cos(t + m)` in place of `c_y = cos(t)`. It is
 * computed as `c_y * cos(m) - sin(t) * sin(m)`.
 *
 * - Beyond `t = pi - m`, where `cos(t + m)` would rise again, `c_y - m * sin(pi - m)` takes its place.
 *   With `easyMargin`, instead: `c_y` itself from 90 degrees on.
 * - Gradient: the derivative of those formulas, `sin(t + m) / sin(t)` within the margin's range. It has no bound at
 *   `t = 0`, so `sin(t)` counts as constant where `sin²(t) < 1e-7` (t below 0.018 degrees): there the derivative is
 *   `cos(m)`, and it is finite for every cosine, also for one that rounding put beyond 1.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const loss = arcFace({ margin: 0.5 });
 * const perSample = loss(cosines, targets); // [B, M] and int32 [B] -> [B]
 * ```
 *
 * Source: Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019, equation 3. Same
 * values and gradient as pytorch-metric-learning. InsightFace's trainer takes the angle outside of autograd, so that
 * its derivative is 1 in place of `sin(t + m) / sin(t)`; ours differs from it there.
 */
export const arcFace = part(
  'arcFace',
  {
    scale: scale(64),
    margin: angularMargin(0.5),
    easyMargin: option.flag({ help: 'Apply the margin only where the angle is below 90 degrees.', default: false }),
  },
  ({ scale, margin, easyMargin }): MarginLoss =>
    marginLoss({
      name: 'arc-face',
      scale,
      margin: (c) =>
        tf.tidy(() => {
          if (!easyMargin) return arcMargin(c, margin);
          // tfjs would look for a gradient of the comparison too.
          return tf.where(tf.greater(stopGradient(c), 0), shiftedCosine(c, margin), c);
        }),
    }),
);
