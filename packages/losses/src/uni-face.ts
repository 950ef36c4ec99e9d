import { option, part } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { MASKED_LOGIT, putElements, takeElements } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { cosineMargin, scale } from './shared-options.ts';
import { overPresent, withProperties } from './softmax-loss.ts';

/**
 * UniFace's unified cross-entropy: one threshold for all samples, `log(1 + exp(b - s (c_y - m)))` for the own class and
 * `l sum_j log(1 + exp(s c_j - b))` for the others.
 *
 * A sum of logarithms, not the logarithm of a sum: this loss is not evaluated in blocks.
 *
 * Source: Zhou et al., "UniFace: Unified Cross-Entropy Loss for Deep Face Recognition", ICCV 2023. There, b is learnt
 * from a start at `log(10 N r)` with N identities and a sampling rate r; here it stays at that start, with M columns for
 * N r, because a loss has no parameters here. The authors' code holds `s c - b` within +-s, where gradients end: ours goes
 * on, and is the same within. With weight 1 it is PyTorch's binary_cross_entropy_with_logits, summed over the columns.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = uniFace({ bias: 12 })(cosines, targets);
 * ```
 */
export const uniFace = part(
  'uniFace',
  {
    scale: scale(64),
    margin: cosineMargin(0.4),
    weight: option.number({ help: 'Weight of the other classes, l.', min: 0, max: 1e6, default: 1 }),
    bias: option.number({
      help: 'The logit that tells same from different, for all, b.',
      min: -1e6,
      max: 1e6,
      absent: 'log(10 M), M the number of columns',
    }),
  },
  ({ scale, margin, weight, bias }): CosineLoss & { readonly name: string } => {
    const loss: CosineLoss = (cosines, targets) =>
      overPresent('uniFace', cosines, targets, (at) => {
        const b = bias ?? Math.log(10 * cosines.shape[1]);
        const own = tf.softplus(tf.sub(b, tf.mul(tf.sub(takeElements(cosines, at), margin), scale)));
        const others = putElements(tf.sub(tf.mul(cosines, scale), b), at, tf.fill([at.size], MASKED_LOGIT));
        return tf.add(own, tf.mul(tf.sum(tf.softplus(others), 1), weight));
      });
    return withProperties(loss, { name: 'uni-face' });
  },
);
