import { number } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { MASKED_LOGIT, putElements, takeElements } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { overPresent, withProperties } from './softmax-loss.ts';

export interface UniFaceOptions {
  /** What cosines are multiplied by. Default 64. */
  readonly scale?: number;
  /** Taken off the cosine to a sample's own class; in [0, 2]. Default 0.4. */
  readonly margin?: number;
  /** l, weight of the other classes. Default 1. */
  readonly weight?: number;
  /** b, the logit that tells same from different, for all. Default `log(10 M)`, M the number of columns. */
  readonly bias?: number;
}

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
export function uniFace(options: UniFaceOptions = {}): CosineLoss & { readonly name: string } {
  const { scale = 64, margin = 0.4, weight = 1, bias } = options;
  number('uniFace', 'scale', scale, 1e-6, 1e6);
  number('uniFace', 'margin', margin, 0, 2);
  number('uniFace', 'weight', weight, 0, 1e6);
  if (bias !== undefined) number('uniFace', 'bias', bias, -1e6, 1e6);
  const loss: CosineLoss = (cosines, targets) =>
    overPresent('uniFace', cosines, targets, (at) => {
      const b = bias ?? Math.log(10 * cosines.shape[1]);
      const own = tf.softplus(tf.sub(b, tf.mul(tf.sub(takeElements(cosines, at), margin), scale)));
      const others = putElements(tf.sub(tf.mul(cosines, scale), b), at, tf.fill([at.size], MASKED_LOGIT));
      return tf.add(own, tf.mul(tf.sum(tf.softplus(others), 1), weight));
    });
  return withProperties(loss, { name: 'uniFace' });
}
