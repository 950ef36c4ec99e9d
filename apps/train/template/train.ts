/** A run of your own: `npm run train`. */
import type { Configuration } from '@protomem/recipes';
import * as tf from '@tensorflow/tfjs';

const scale = 30;
const margin = 0.3;

/**
 * A loss of your own in the memory: a softmax over cosines that asks the own class for a margin. Change it as you like.
 *
 * @param cosines `[B, M]`: each image's embedding against each prototype in memory
 * @param targets `[B]`, int32: the column of each image's own class
 * @returns one loss an image, `[B]`, differentiable in `cosines`
 */
function marginSoftmax(cosines: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor1D {
  const own = tf.cast(tf.oneHot(targets, cosines.shape[1]), 'float32');
  const logits = tf.mul(scale, tf.sub(cosines, tf.mul(margin, own)));
  return tf.neg(tf.sum(tf.mul(own, tf.logSoftmax(logits)), 1));
}

export default {
  from: 'demo', // synthetic faces, small encoder; `from: 'faces'` and --data FOLDER for your own
  steps: 100,
  schedule: { warmup: 10 },
  evaluation: { every: 50 },
  head: { loss: marginSoftmax },
} satisfies Configuration;
