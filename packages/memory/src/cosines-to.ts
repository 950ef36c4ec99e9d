import * as tf from '@tensorflow/tfjs';

/**
 * `unit * columns^T`, where some rows of `columns` are also known as `fresh`, of the same values but differentiable: the
 * gradient flows to `unit` and `fresh`, and the rest of `columns` is constant.
 *
 * @param unit `[B, D]`
 * @param columns `[M, D]`
 * @param fresh `[C, D]`
 * @param freshAt `[C]`, int32: the row of each of `fresh` in `columns`
 * @returns `[B, M]`
 */
export function cosinesTo(
  unit: tf.Tensor2D,
  columns: tf.Tensor2D,
  fresh: tf.Tensor2D,
  freshAt: tf.Tensor1D,
): tf.Tensor2D {
  const cosines = tf.customGrad((e, _, save) => {
    (save as unknown as tf.GradSaveFunc)([e as tf.Tensor, columns, freshAt]);
    return {
      value: tf.matMul(e as tf.Tensor2D, columns, false, true),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedUnit, savedColumns, savedAt] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
        return [tf.matMul(dy, savedColumns), tf.matMul(tf.gather(dy, savedAt, 1), savedUnit, true)];
      },
    };
  });
  return cosines(unit, fresh) as tf.Tensor2D;
}
