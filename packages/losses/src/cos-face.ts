import { number } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { type MarginLoss, marginLoss } from './margin-loss.ts';

export interface CosFaceOptions {
  /** What cosines are multiplied by. Default 64. */
  readonly scale?: number;
  /** Taken off the cosine to a sample's own class; in [0, 2]. Default 0.4. */
  readonly margin?: number;
}

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
export function cosFace(options: CosFaceOptions = {}): MarginLoss {
  const { scale = 64, margin = 0.4 } = options;
  number('cosFace', 'scale', scale, 1e-6, 1e6);
  number('cosFace', 'margin', margin, 0, 2);
  return marginLoss({ name: 'cosFace', scale, margin: (cosines) => tf.sub(cosines, margin) });
}
