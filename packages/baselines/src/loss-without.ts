import type { CosineLoss, LossContext, SoftmaxLoss } from '@protomem/core/contracts';
import { sparseSoftmaxCrossEntropy } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { type Places, putAt, takeAt, toIndices } from './elements.ts';

/** A logit beside which every other one counts: its exponential is 0 in float32. */
const NOTHING = -1e30;

/**
 * A loss in which some columns do not count for some samples: other columns of a sample's own identity, which would
 * push it away from itself.
 *
 * - A {@link SoftmaxLoss} says what its logits are: those of the excluded columns become -1e30, whatever its scale and
 *   margin, so that their share of the softmax is 0, exactly.
 * - Any other function takes cosines, and the least harmful of them is -1: no loss is undefined there, and the gradient
 *   to it goes nowhere. In a softmax of scale s its share is at most `exp(-s * (1 + c))` with c the sample's largest
 *   cosine.
 *
 * @param cosines `[B, M]`
 * @param targets B columns; none of them excluded for its own sample
 * @param excluded each place once
 * @returns `[B]`, the surrounding tidy's
 */
export function lossWithout(
  loss: CosineLoss,
  cosines: tf.Tensor2D,
  targets: Int32Array,
  excluded: Places,
  context: LossContext,
): tf.Tensor1D {
  const columns = tf.tensor1d(targets, 'int32');
  const count = excluded.rows.length;
  if (count === 0) return loss(cosines, columns, context);
  if (!('form' in loss)) return loss(putAt(cosines, toIndices(excluded), tf.fill([count], -1)), columns, context);

  const { target, negative, combine } = (loss as SoftmaxLoss).form;
  const own = toIndices({ rows: Array.from(targets, (_, i) => i), columns: [...targets] });
  const terms = target(takeAt(cosines, own), context);
  const logits = typeof negative === 'number' ? tf.mul<tf.Tensor2D>(cosines, negative) : negative(cosines, terms);
  const left = tf.concat([own, toIndices(excluded)], 0);
  const nothing = tf.fill<tf.Rank.R1>([count], NOTHING);
  if (!combine) {
    const full = putAt(logits, left, tf.concat([terms.logit, nothing]));
    return sparseSoftmaxCrossEntropy(full, columns);
  }
  const others = putAt(logits, left, tf.concat([tf.fill<tf.Rank.R1>([targets.length], NOTHING), nothing]));
  return combine(terms, tf.logSumExp(others, 1));
}
