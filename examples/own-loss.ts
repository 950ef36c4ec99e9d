/**
 * A loss of one's own in the memory: `protomem train examples/own-loss.ts`, in this repository
 * `npm run train -- examples/own-loss.ts`.
 */
import type { Configuration } from '@protomem/recipes';
import * as tf from '@tensorflow/tfjs';

/**
 * Pulls the cosine to a sample's own class up to 1, and pushes all others below 0.5.
 *
 * @param cosines `[B, M]`
 * @param targets `[B]`, int32: the column of each sample's class
 * @returns one loss a sample, `[B]`
 */
function squaredHinge(cosines: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor1D {
  const wanted = tf.oneHot(targets, cosines.shape[1]);
  const short = tf.square(tf.sub(1, tf.sum(tf.mul(cosines, wanted), 1)));
  const others = tf.mul(tf.square(tf.relu(tf.sub(cosines, 0.5))), tf.sub(1, wanted));
  return tf.add(short, tf.sum(others, 1));
}

export default {
  from: 'demo',
  steps: 100,
  schedule: { warmup: 10 },
  // In the demo, half of the loss is over the batch's own classes alone: here all of it meets the memory.
  head: { batchShare: 0, loss: squaredHinge },
} satisfies Configuration;
