import { number } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { angleOf, fallingCosine } from './angles.ts';
import { type MarginLoss, marginLoss } from './margin-loss.ts';

export interface SphereFaceOptions {
  /** What cosines are multiplied by. Default 30. */
  readonly scale?: number;
  /** The angle's factor; in [1, 4]. Default 1.5. */
  readonly margin?: number;
}

/**
 * SphereFace-R, first version, with normalized embeddings: `psi(m t)` in place of `cos(t)` at a sample's own class,
 * where `psi(phi) = (-1)^k cos(phi) - 2k`, `k = floor(phi / pi)`.
 *
 * Source: Liu et al., "SphereFace Revived: Unifying Hyperspherical Face Recognition", TPAMI 2022; constants of its
 * authors' code (opensphere). The first SphereFace (CVPR 2017) keeps the embeddings' lengths and blends with the plain
 * cosine, for want of which it did not converge. opensphere takes `psi(m t) - cos(t)` outside of autograd ("characteristic
 * gradient detachment"), so that its derivative is 1, and multiplies the loss by 50 / 30; ours is the formula as it is.
 * With a whole m, and embeddings of length 1, it is pytorch-metric-learning's SphereFaceLoss.
 *
 * At cosines of exactly 1 and -1 the gradient is 0 and not its limit, m²: embeddings cannot tell, since the gradient of a
 * cosine to them ends there.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = sphereFace({ margin: 1.5 })(cosines, targets);
 * ```
 */
export function sphereFace(options: SphereFaceOptions = {}): MarginLoss {
  const { scale = 30, margin = 1.5 } = options;
  number('sphereFace', 'scale', scale, 1e-6, 1e6);
  number('sphereFace', 'margin', margin, 1, 4);
  return marginLoss({
    name: 'sphereFace',
    scale,
    margin: (c) => tf.tidy(() => fallingCosine(tf.mul(angleOf(c), margin))),
  });
}
