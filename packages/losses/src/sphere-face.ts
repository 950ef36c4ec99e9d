import { option, part } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { angleOf, fallingCosine } from './angles.ts';
import { type MarginLoss, marginLoss } from './margin-loss.ts';
import { scale } from './shared-options.ts';

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
export const sphereFace = part(
  'sphereFace',
  {
    scale: scale(30),
    margin: option.number({ help: "The angle's factor.", min: 1, max: 4, default: 1.5 }),
  },
  ({ scale, margin }): MarginLoss =>
    marginLoss({
      name: 'sphere-face',
      scale,
      margin: (c) => tf.tidy(() => fallingCosine(tf.mul(angleOf(c), margin))),
    }),
);
