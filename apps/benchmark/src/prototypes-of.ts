import { unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** Prototypes at unit length that the images of identities make, `[C, D]`; the caller's. */
export function prototypesOf(embeddings: tf.Tensor2D, labels: ArrayLike<number>, ids: readonly number[]): tf.Tensor2D {
  const groups = tf.tensor1d(
    Array.from(labels, (id) => ids.indexOf(id)),
    'int32',
  );
  return unitRows(tf.unsortedSegmentSum(unitRows(embeddings), groups, ids.length) as tf.Tensor2D);
}
