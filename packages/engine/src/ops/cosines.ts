import * as tf from '@tensorflow/tfjs';
import { checkNotEmpty } from './check-not-empty.ts';

/** The logit, or cosine, of a class that is not to count: its exponential is 0 beside any other, and its gradient too. */
export const MASKED_LOGIT = -1e30;

/**
 * The same values, cut off from the gradient: what is computed from the result sends nothing back to `x`.
 *
 * @returns shares its data with `x`; the caller's
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  // Operations inside a custom gradient are not recorded, and `x` is not named as its input.
  const cut = tf.customGrad(() => ({ value: tf.clone(x), gradFunc: () => [] }));
  return cut() as T;
}

/**
 * One element of each row: `matrix[i, columns[i]]`.
 *
 * @param matrix `[B, M]`, float32; stays the caller's
 * @param columns `[B]`, int32, each in [0, M); stays the caller's
 * @returns `[B]`, differentiable in `matrix`; the caller's
 * @throws ProtomemError when the matrix is empty
 */
export function takeElements(matrix: tf.Tensor2D, columns: tf.Tensor1D): tf.Tensor1D {
  checkNotEmpty('takeElements', 'matrix', matrix);
  const take = tf.customGrad((x, save) => {
    const at = elements(columns);
    (save as tf.GradSaveFunc)([at]);
    return {
      value: tf.gatherND(x as tf.Tensor2D, at),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.scatterND(saved[0]!, dy, matrix.shape),
    };
  });
  return take(matrix) as tf.Tensor1D;
}

/**
 * The matrix with one element of each row replaced: `matrix[i, columns[i]] = values[i]`.
 *
 * @param matrix `[B, M]`, float32; stays the caller's and is not changed
 * @param columns `[B]`, int32, each in [0, M); stays the caller's
 * @param values `[B]`, float32; stays the caller's
 * @returns `[B, M]`, differentiable in `matrix` and `values`; the caller's
 * @throws ProtomemError when the matrix is empty
 */
export function putElements(matrix: tf.Tensor2D, columns: tf.Tensor1D, values: tf.Tensor1D): tf.Tensor2D {
  checkNotEmpty('putElements', 'matrix', matrix);
  const put = tf.customGrad((x, v, save) => {
    const at = elements(columns);
    (save as tf.GradSaveFunc)([at]);
    return {
      value: scatterUpdate(x as tf.Tensor, at, v as tf.Tensor),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [
        scatterUpdate(dy, saved[0] as tf.Tensor2D, tf.zeros(columns.shape)),
        tf.gatherND(dy, saved[0]!),
      ],
    };
  });
  return put(matrix, values) as tf.Tensor2D;
}

/** `[B, 2]` indices of the elements `(i, columns[i])`. */
function elements(columns: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => tf.stack([tf.range(0, columns.shape[0], 1, 'int32'), columns], 1) as tf.Tensor2D);
}

/**
 * A tensor with some elements replaced; not differentiable.
 *
 * @param x is not changed
 * @param at `[n, rank]`, int32: where the elements are, each once
 * @param values `[n]`
 * @returns of the shape of `x`; the caller's
 */
export function scatterUpdate(x: tf.Tensor, at: tf.Tensor2D, values: tf.Tensor): tf.Tensor {
  // The cpu backend of tfjs 4.22 writes into `x` itself.
  return tf.tensorScatterUpdate(tf.getBackend() === 'cpu' ? tf.mul(x, 1) : x, at, values);
}
