import * as tf from '@tensorflow/tfjs';

/** Places in a matrix, as numbers on the host: element k is `(rows[k], columns[k])`. */
export interface Places {
  readonly rows: number[];
  readonly columns: number[];
}

/** Places as the `[n, 2]`, int32, that the operations below take; the caller's. */
export function toIndices({ rows, columns }: Places): tf.Tensor2D {
  const indices = new Int32Array(2 * rows.length);
  rows.forEach((row, k) => {
    indices[2 * k] = row;
    indices[2 * k + 1] = columns[k]!;
  });
  return tf.tensor2d(indices, [rows.length, 2], 'int32');
}

/**
 * Elements of a matrix.
 *
 * @param matrix `[B, M]`, float32
 * @param at `[n, 2]`, int32
 * @returns `[n]`, differentiable in `matrix`; the caller's
 */
export function takeAt(matrix: tf.Tensor2D, at: tf.Tensor2D): tf.Tensor1D {
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
 * @param at `[n, 2]`, int32, each place once
 * @param values `[n]`, float32
 * @returns `[B, M]`, differentiable in `matrix` and `values`; the caller's
 */
export function putAt(matrix: tf.Tensor2D, at: tf.Tensor2D, values: tf.Tensor1D): tf.Tensor2D {
  const put = tf.customGrad((x, v, save) => {
    (save as unknown as tf.GradSaveFunc)([at]);
    return {
      value: scatter(x as tf.Tensor, at, v as tf.Tensor),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [
        scatter(dy, saved[0] as tf.Tensor2D, tf.zeros(values.shape)),
        tf.gatherND(dy, saved[0]!),
      ],
    };
  });
  return put(matrix, values) as tf.Tensor2D;
}

function scatter(x: tf.Tensor, at: tf.Tensor2D, values: tf.Tensor): tf.Tensor {
  // The cpu backend of tfjs 4.22 writes into `x` itself.
  return tf.tensorScatterUpdate(tf.getBackend() === 'cpu' ? tf.mul(x, 1) : x, at, values);
}
