import { check, option, part } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { MASKED_LOGIT, stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { above, column } from './angles.ts';
import { overPresent, withProperties } from './softmax-loss.ts';

/**
 * A loss on pairs of a sample and a reference, for references of any kind: the batch itself, or a memory.
 *
 * @param similarities `[B, R]`, float32: cosines.
 * @param positives `[B, R]`, float32, constant: 1 where reference j is of sample i's identity, else 0.
 * @param negatives `[B, R]`, likewise for the references of others. Default: all that are not positive. A pair that is
 *   in neither, such as a sample with itself, does not count.
 * @returns one loss per sample, `[B]`; 0 where there is no pair that it could be made of; the caller's.
 */
export type PairLoss = (similarities: tf.Tensor2D, positives: tf.Tensor2D, negatives?: tf.Tensor2D) => tf.Tensor1D;

type Terms = (similarities: tf.Tensor2D, positives: tf.Tensor2D, negatives: tf.Tensor2D) => tf.Tensor;

function pairLoss(name: string, terms: Terms): PairLoss {
  return (similarities, positives, negatives) =>
    tf.tidy(() => {
      for (const [what, mask] of Object.entries({ positives, negatives })) {
        check(mask === undefined || tf.util.arraysEqual(mask.shape, similarities.shape), () => ({
          where: name,
          what: `shape of ${what}`,
          got: mask!.shape,
          expected: `${JSON.stringify(similarities.shape)}, that of similarities`,
        }));
      }
      return terms(similarities, positives, negatives ?? tf.sub(1, positives)) as tf.Tensor1D;
    });
}

/** `log(sum over the pairs in the mask of exp(logit))`, `[B, 1]`. */
function logSum(logits: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return tf.logSumExp(tf.add(logits, tf.mul(tf.sub(1, mask), MASKED_LOGIT)), 1, true);
}

/** Mean over the pairs in the mask, 0 without any, `[B]`. */
function meanOver(values: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return tf.div(tf.sum(tf.mul(values, mask), 1), tf.maximum(tf.sum(mask, 1), 1));
}

/**
 * Contrastive loss on cosines: mean over positives of `max(m_p - s, 0)`, and mean over those negatives that are above
 * `m_n` of `s - m_n`.
 *
 * Source: Hadsell et al., CVPR 2006, on similarities as in pytorch-metric-learning, which takes the means over the whole
 * batch; margins are this library's choice.
 *
 * @example
 * ```ts
 * const perSample = contrastive()(similarities, positives);
 * ```
 */
export const contrastive = part(
  'contrastive',
  {
    positiveMargin: option.number({ help: 'Similarity that positives are drawn to.', min: -1, max: 1, default: 1 }),
    negativeMargin: option.number({
      help: 'Similarity that negatives are pushed below.',
      min: -1,
      max: 1,
      default: 0.5,
    }),
  },
  ({ positiveMargin, negativeMargin }): PairLoss => {
    return pairLoss('contrastive', (s, positives, negatives) => {
      const hard = tf.mul(negatives, above(s, negativeMargin));
      const pull = meanOver(tf.relu(tf.sub(positiveMargin, s)), positives);
      return tf.add(pull, meanOver(tf.sub(s, negativeMargin), hard));
    });
  },
);

/**
 * Triplet loss with the hardest pairs of each sample: `max(max s_n - min s_p + m, 0)`.
 *
 * Source: Schroff et al., FaceNet, CVPR 2015; the hardest pairs as in Hermans et al., "In Defense of the Triplet Loss",
 * 2017. On cosines, not distances: for unit vectors half the squared distance is 1 - cosine. pytorch-metric-learning's
 * TripletMarginLoss on cosines, with its BatchHardMiner, is the same.
 *
 * @example
 * ```ts
 * const perSample = triplet({ margin: 0.2 })(similarities, positives);
 * ```
 */
export const triplet = part(
  'triplet',
  {
    margin: option.number({
      help: 'By which the hardest positive must be nearer than the hardest negative.',
      min: 0,
      max: 4,
      default: 0.2,
    }),
  },
  ({ margin }): PairLoss => {
    // The index of the hardest pair has no gradient.
    const hardest = (values: tf.Tensor2D): tf.Tensor1D => {
      const chosen = tf.oneHot(tf.argMax(stopGradient(values), 1), Math.max(values.shape[1], 2));
      return tf.sum(tf.mul(values, tf.slice(chosen as tf.Tensor2D, [0, 0], values.shape)), 1);
    };
    return pairLoss('triplet', (s, positives, negatives) => {
      const far = (mask: tf.Tensor): tf.Tensor => tf.mul(tf.sub(1, mask), -8);
      const negative = hardest(tf.add(s, far(negatives)));
      const positive = tf.neg(hardest(tf.add(tf.neg(s), far(positives)) as tf.Tensor2D));
      const both = tf.logicalAnd(tf.any(tf.cast(positives, 'bool'), 1), tf.any(tf.cast(negatives, 'bool'), 1));
      return tf.mul(tf.relu(tf.add(tf.sub(negative, positive), margin)), stopGradient(tf.cast(both, 'float32')));
    });
  },
);

/**
 * Multi-similarity loss: `log(1 + sum_p exp(-a (s - b))) / a + log(1 + sum_n exp(c (s - b))) / c`, with alpha a, beta c
 * and base b.
 *
 * Source: Wang et al., CVPR 2019, equation 14; defaults and values of pytorch-metric-learning. Its mining is left out.
 *
 * @example
 * ```ts
 * const perSample = multiSimilarity()(similarities, positives);
 * ```
 */
export const multiSimilarity = part(
  'multiSimilarity',
  {
    alpha: option.number({ help: 'Weight of positives.', min: 1e-6, max: 1e6, default: 2 }),
    beta: option.number({ help: 'Weight of negatives.', min: 1e-6, max: 1e6, default: 50 }),
    base: option.number({ help: 'Similarity between the two.', min: -1, max: 1, default: 0.5 }),
  },
  ({ alpha, beta, base }): PairLoss => {
    return pairLoss('multiSimilarity', (s, positives, negatives) => {
      const part = (factor: number, mask: tf.Tensor): tf.Tensor =>
        tf.div(tf.softplus(tf.squeeze(logSum(tf.mul(tf.sub(s, base), factor), mask), [1])), Math.abs(factor));
      return tf.add(part(-alpha, positives), part(beta, negatives));
    });
  },
);

const temperature = <const D extends number>(standard: D) =>
  option.number({ help: 'What similarities are divided by.', min: 1e-6, max: 1e6, default: standard });

/**
 * NT-Xent, or InfoNCE: for each positive p, `-log(e_p / (e_p + sum_n e_n))` with `e = exp(s / temperature)`; the mean
 * over the positives. With one positive it is softmax cross-entropy. Temperature: default 0.07.
 *
 * Source: van den Oord et al., 2018; Chen et al., SimCLR, ICML 2020. Values of pytorch-metric-learning, whose losses end
 * at 708 in float64 and 87 in float32; ours do not.
 *
 * @example
 * ```ts
 * const perSample = ntXent({ temperature: 0.07 })(similarities, positives);
 * ```
 */
export const ntXent = part('ntXent', { temperature: temperature(0.07) }, ({ temperature }): PairLoss => {
  return pairLoss('ntXent', (s, positives, negatives) => {
    const logits = tf.div(s, temperature);
    return meanOver(tf.softplus(tf.sub(logSum(logits, negatives), logits)), positives);
  });
});

/**
 * Supervised contrastive loss: for each positive p, `-log(e_p / sum over all pairs of e)`; the mean over the positives.
 * Temperature: default 0.1.
 *
 * Source: Khosla et al., NeurIPS 2020, equation 2. Values of pytorch-metric-learning.
 *
 * @example
 * ```ts
 * const perSample = supervisedContrastive()(similarities, positives);
 * ```
 */
export const supervisedContrastive = part(
  'supervisedContrastive',
  { temperature: temperature(0.1) },
  ({ temperature }): PairLoss => {
    return pairLoss('supervisedContrastive', (s, positives, negatives) => {
      const logits = tf.div(s, temperature);
      return meanOver(tf.sub(logSum(logits, tf.add(positives, negatives)), logits), positives);
    });
  },
);

/** The pair losses by name. */
export const pairLosses = {
  contrastive,
  triplet,
  'multi-similarity': multiSimilarity,
  'nt-xent': ntXent,
  'supervised-contrastive': supervisedContrastive,
} as const;

/**
 * A pair loss with the columns of a classifier, such as the prototypes of a memory, as references: the sample's own
 * column is its positive, all others are negatives.
 *
 * @param name for logs and reports
 *
 * @example
 * ```ts
 * const perSample = memory.loss(embeddings, labels, asCosineLoss('triplet', triplet()));
 * ```
 */
export function asCosineLoss(name: string, pairs: PairLoss): CosineLoss & { readonly name: string } {
  const loss: CosineLoss = (cosines, targets) =>
    overPresent(name, cosines, targets, (at) => {
      const columns = tf.range(0, cosines.shape[1], 1, 'int32');
      return pairs(cosines, stopGradient(tf.cast(tf.equal(column(at), columns), 'float32')) as tf.Tensor2D);
    });
  return withProperties(loss, { name });
}
