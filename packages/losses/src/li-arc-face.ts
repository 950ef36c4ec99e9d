import { part } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { angleOf } from './angles.ts';
import { angularMargin, scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

/**
 * Li-ArcFace: logits that fall linearly with the angle, `s (pi - 2 (t + m)) / pi` for a sample's own class and
 * `s (pi - 2 t) / pi` for the others. No threshold is needed, since nothing rises again.
 *
 * Source: Li et al., "AirFace: Lightweight and Efficient Model for Face Recognition", ICCVW 2019. Margin 0.45 as in most
 * public copies; one has 0.42.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = liArcFace()(cosines, targets);
 * ```
 */
export const liArcFace = part(
  'liArcFace',
  {
    scale: scale(64),
    margin: angularMargin(0.45),
  },
  ({ scale, margin }): SoftmaxLoss => {
    const linear = <T extends tf.Tensor>(angles: T): T => tf.mul(tf.sub(1, tf.mul(angles, 2 / Math.PI)), scale) as T;
    return softmaxLoss({
      name: 'li-arc-face',
      form: {
        target: (c) => ({ logit: linear(tf.add<tf.Tensor1D>(angleOf(c), margin)) }),
        negative: (c) => linear(angleOf(c)),
      },
    });
  },
);
