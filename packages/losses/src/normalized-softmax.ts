import { part } from '@protomem/core';
import { type MarginLoss, marginLoss } from './margin-loss.ts';
import { scale } from './shared-options.ts';

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
export const normalizedSoftmax = part(
  'normalizedSoftmax',
  {
    scale: scale(64),
  },
  ({ scale }): MarginLoss => marginLoss({ name: 'normalized-softmax', scale }),
);
