import { part } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { type MarginLoss, marginLoss } from './margin-loss.ts';
import { cosineMargin, scale } from './shared-options.ts';

/**
 * CosFace: the cosine to a sample's own class must win by a margin, `c_y - m` in place of `c_y`.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const loss = cosFace({ scale: 64, margin: 0.4 });
 * const perSample = loss(cosines, targets); // [B, M] and int32 [B] -> [B]
 * ```
 *
 * Source: Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face Recognition", CVPR 2018, equation 4. The
 * default margin is InsightFace's 0.4; the paper's is 0.35.
 */
export const cosFace = part(
  'cosFace',
  {
    scale: scale(64),
    margin: cosineMargin(0.4),
  },
  ({ scale, margin }): MarginLoss =>
    marginLoss({ name: 'cos-face', scale, margin: (cosines) => tf.sub(cosines, margin) }),
);
