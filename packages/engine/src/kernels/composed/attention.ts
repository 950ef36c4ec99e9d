import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../training-kernels.ts';

/** `[B, heads, N, d]` each. */
function split(qkv: tf.Tensor3D, heads: number): [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D] {
  return tf.split(qkv, 3, -1).map((part) => ofHeads(part as tf.Tensor3D, heads)) as [
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor4D,
  ];
}

function ofHeads(x: tf.Tensor3D, heads: number): tf.Tensor4D {
  const [images, tokens, channels] = x.shape;
  return tf.transpose(tf.reshape(x, [images, tokens, heads, channels / heads]), [0, 2, 1, 3]);
}

function sideBySide(x: tf.Tensor4D): tf.Tensor3D {
  const [images, heads, tokens, depth] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [images, tokens, heads * depth]);
}

const weigh = (q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor4D =>
  tf.softmax(tf.matMul(tf.mul(q, q.shape[3] ** -0.5), k, false, true));

export const attention: TrainingKernels['attention'] = ({ qkv }, { heads }) =>
  tf.tidy(() => {
    const [q, k, v] = split(qkv, heads);
    return sideBySide(tf.matMul(weigh(q, k), v));
  });

export const attentionGrad: TrainingKernels['attentionGrad'] = ({ dy, qkv }, { heads }) =>
  tf.tidy(() => {
    const [q, k, v] = split(qkv, heads);
    const d = ofHeads(dy, heads);
    const weights = weigh(q, k);
    const dWeights = tf.mul(weights, tf.matMul(d, v, false, true));
    const dScores = tf.sub(dWeights, tf.mul(weights, tf.sum(dWeights, -1, true)));
    const scaled = tf.mul(dScores, q.shape[3] ** -0.5);
    const gradients = [tf.matMul(scaled, k), tf.matMul(scaled, q, true), tf.matMul(weights, d, true)];
    return tf.concat(
      gradients.map((each) => sideBySide(each as tf.Tensor4D)),
      -1,
    );
  });
