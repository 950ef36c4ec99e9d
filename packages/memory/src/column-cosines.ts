import { putElements, takeElements } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** What {@link columnCosines} works on. */
export interface ColumnCosines {
  /** `[B, D]` */
  readonly unit: tf.Tensor2D;
  /** `[M, D]`, constant. */
  readonly columns: tf.Tensor2D;
  /** `[B]`: stands in for the cosine to each sample's own class. */
  readonly own: tf.Tensor1D;
  /** `[B]`, int32: the column of each sample's own class. */
  readonly targets: tf.Tensor1D;
  /** `[C, D]`: some of the columns once more, where they are differentiable; and `[C]`, int32: which they are. */
  readonly fresh?: { readonly rows: tf.Tensor2D; readonly at: tf.Tensor1D };
  /** Told the gradient to the columns, `[M, D]`, when the backward pass comes by. */
  readonly onColumns?: (gradient: tf.Tensor2D) => void;
}

/** `unit * columns^T`, `[B, M]`, with `own` at `targets`; differentiable in `unit`, `own` and `fresh`. */
export function columnCosines({ unit, columns, own, targets, fresh, onColumns }: ColumnCosines): tf.Tensor2D {
  const inputs = fresh ? [unit, own, fresh.rows] : [unit, own];
  const op = tf.customGrad((...args) => {
    const save = args.pop() as unknown as tf.GradSaveFunc;
    const [e, c] = args as [tf.Tensor2D, tf.Tensor1D];
    save(fresh ? [e, columns, targets, fresh.at] : [e, columns, targets]);
    return {
      value: putElements(tf.matMul(e, columns, false, true), targets, c),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedUnit, savedColumns, at, freshAt] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
        const others = putElements(dy as tf.Tensor2D, at, tf.zeros([at.size]));
        const gradients: tf.Tensor[] = [tf.matMul(others, savedColumns), takeElements(dy as tf.Tensor2D, at)];
        if (freshAt) gradients.push(tf.matMul(tf.gather(others, freshAt, 1), savedUnit, true));
        onColumns?.(tf.matMul(dy as tf.Tensor2D, savedUnit, true));
        return gradients;
      },
    };
  });
  return op(...inputs) as tf.Tensor2D;
}
