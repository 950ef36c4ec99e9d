import { number } from '@protomem/core';
import { type MarginLoss, marginLoss } from './margin-loss.ts';

export interface NormalizedSoftmaxOptions {
  /** What cosines are multiplied by. Default 64. */
  readonly scale?: number;
}

/**
 * Softmax on scaled cosines, without a margin: `loss = log(sum_j exp(s * c_j)) - s * c_y`.
 *
 * @throws ProtomemError when `scale` is not in (0, 1e6]
 *
 * @example
 * ```ts
 * const loss = normalizedSoftmax({ scale: 30 });
 * const perSample = loss(cosines, targets); // [B, M] and int32 [B] -> [B]
 * ```
 *
 * Source: Wang et al., "NormFace", ACM MM 2017, equation 5; there the scale is learnt, here it is fixed.
 */
export function normalizedSoftmax(options: NormalizedSoftmaxOptions = {}): MarginLoss {
  const { scale = 64 } = options;
  return marginLoss({ name: 'normalizedSoftmax', scale: number('normalizedSoftmax', 'scale', scale, 1e-6, 1e6) });
}
