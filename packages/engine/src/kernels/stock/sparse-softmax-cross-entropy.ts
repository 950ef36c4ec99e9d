import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';

/** Outputs: loss of each row, and its gradient for the row of logits. */
export function sparseSoftmaxCrossEntropy({ logits, targets }: Inputs): tf.Tensor[] {
  return tf.tidy(() => {
    const [rows, columns] = logits!.shape as [number, number];
    const at = tf.stack([tf.range(0, rows, 1, 'int32'), targets!], 1);
    const loss = tf.sub(tf.logSumExp(logits!, 1), tf.gatherND(logits!, at));
    return [loss, tf.sub(tf.softmax(logits!), tf.scatterND(at, tf.ones([rows]), [rows, columns]))];
  });
}
