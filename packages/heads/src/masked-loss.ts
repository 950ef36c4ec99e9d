import type { CosineLoss, LossContext, SoftmaxForm, SoftmaxLoss, TargetTerms } from '@protomem/core/contracts';
import { MASKED_LOGIT, scatterUpdate, sparseSoftmaxCrossEntropy } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { combineTerms, evaluateLoss, targetTerms } from './evaluate-loss.ts';

/** Elements of a matrix, as numbers on the host: element k is `(rows[k], columns[k])`. */
export interface Mask {
  readonly rows: number[];
  readonly columns: number[];
}

/**
 * A loss in which some columns do not count for some samples: other columns of a sample's own identity, which would
 * push it away from itself.
 *
 * - A {@link SoftmaxLoss} says what its logits are: those of the excluded columns become {@link MASKED_LOGIT}, whatever
 *   its scale and margin, so that their share of the softmax is 0, exactly.
 * - Any other function takes cosines, and the least harmful of them is -1: no loss is undefined there, and the gradient
 *   to it goes nowhere. In a softmax of scale s its share is at most `exp(-s * (1 + c))` with c the sample's largest
 *   cosine.
 *
 * @param cosines `[B, M]`
 * @param targets B columns; none of them excluded for its own sample
 * @param excluded each element once
 * @returns `[B]`, differentiable in `cosines`; the surrounding tidy's
 */
export function maskedLoss(
  loss: CosineLoss,
  cosines: tf.Tensor2D,
  targets: Int32Array,
  excluded: Mask,
  context: LossContext,
): tf.Tensor1D {
  const columns = tf.tensor1d(targets, 'int32');
  const count = excluded.rows.length;
  if (count === 0) return evaluateLoss(loss, cosines, columns, context);
  if (!('form' in loss)) {
    return evaluateLoss(loss, maskAt(cosines, excluded, -1), columns, context);
  }

  const softmax = loss as SoftmaxLoss;
  const { negative, combine } = softmax.form;
  const own: Mask = { rows: Array.from(targets, (_, i) => i), columns: [...targets] };
  const terms = targetTerms(softmax, takeAt(cosines, own), context);
  const logits = negativeLogits(negative, cosines, terms);
  const changed: Mask = {
    rows: [...own.rows, ...excluded.rows],
    columns: [...own.columns, ...excluded.columns],
  };
  const masked = tf.fill<tf.Rank.R1>([count], MASKED_LOGIT);
  if (!combine) return sparseSoftmaxCrossEntropy(putAt(logits, changed, tf.concat([terms.logit, masked])), columns);
  const others = putAt(logits, changed, tf.concat([tf.fill<tf.Rank.R1>([targets.length], MASKED_LOGIT), masked]));
  return combineTerms(softmax, terms, tf.logSumExp(others, 1));
}

/** Logits of the other classes, as a {@link SoftmaxForm} has them: `[B, m]` of cosines `[B, m]`. */
export function negativeLogits(
  negative: SoftmaxForm['negative'],
  cosines: tf.Tensor2D,
  terms: TargetTerms,
): tf.Tensor2D {
  return typeof negative === 'number' ? tf.mul(cosines, negative) : negative(cosines, terms);
}

/**
 * Elements of a matrix.
 *
 * @param matrix `[B, M]`, float32
 * @param mask n elements
 * @returns `[n]`, differentiable in `matrix`; the caller's
 */
export function takeAt(matrix: tf.Tensor2D, mask: Mask): tf.Tensor1D {
  const at = toIndices(mask);
  const take = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([at]);
    return {
      value: tf.gatherND(x as tf.Tensor, at),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.scatterND(saved[0]!, dy, matrix.shape),
    };
  });
  return take(matrix) as tf.Tensor1D;
}

/**
 * The matrix with some elements replaced.
 *
 * @param matrix `[B, M]`, float32; is not changed
 * @param mask n elements, each once
 * @param values `[n]`, float32
 * @returns `[B, M]`, differentiable in `matrix` and `values`; the caller's
 */
export function putAt(matrix: tf.Tensor2D, mask: Mask, values: tf.Tensor1D): tf.Tensor2D {
  const at = toIndices(mask);
  const put = tf.customGrad((x, v, save) => {
    (save as tf.GradSaveFunc)([at]);
    return {
      value: scatterUpdate(x as tf.Tensor, at, v as tf.Tensor),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [
        scatterUpdate(dy, saved[0] as tf.Tensor2D, tf.zeros(values.shape)),
        tf.gatherND(dy, saved[0]!),
      ],
    };
  });
  return put(matrix, values) as tf.Tensor2D;
}

/**
 * The matrix with some elements masked.
 *
 * @param matrix `[B, M]`, float32; is not changed
 * @param mask each element once
 * @param value what they become
 * @returns `[B, M]`, differentiable in `matrix`; the matrix itself when nothing is masked, else the caller's
 */
export function maskAt(matrix: tf.Tensor2D, mask: Mask, value = MASKED_LOGIT): tf.Tensor2D {
  const count = mask.rows.length;
  return count === 0 ? matrix : putAt(matrix, mask, tf.fill([count], value));
}

/** `[n, 2]`, int32: the elements as tfjs takes them. */
function toIndices({ rows, columns }: Mask): tf.Tensor2D {
  const indices = new Int32Array(2 * rows.length);
  rows.forEach((row, k) => {
    indices[2 * k] = row;
    indices[2 * k + 1] = columns[k]!;
  });
  return tf.tensor2d(indices, [rows.length, 2], 'int32');
}
