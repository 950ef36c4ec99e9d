import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';

/** Outputs: y, mean, biased variance. */
export function batchNormTraining({ x, scale, offset }: Inputs, attrs: tf.NamedAttrMap): tf.Tensor[] {
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(x!, [0, 1, 2]);
    const y = tf.batchNorm4d(
      x as tf.Tensor4D,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      offset as tf.Tensor1D,
      scale as tf.Tensor1D,
      attrs.epsilon as number,
    );
    return [y, mean, variance];
  });
}

/**
 * Outputs: gradients for x, scale and offset. With the centred input `c = x - mean`, `r = 1 / sqrt(variance + epsilon)`
 * and means over the batch: `dx = scale * r * (dy - mean(dy) - c * r^2 * mean(dy * c))`.
 */
export function batchNormTrainingGrad({ dy, x, scale, mean, variance }: Inputs, attrs: tf.NamedAttrMap): tf.Tensor[] {
  return tf.tidy(() => {
    const count = x!.size / scale!.size;
    const r = tf.rsqrt(tf.add(variance!, attrs.epsilon as number));
    const centred = tf.sub(x!, mean!);
    const dOffset = tf.sum(dy!, [0, 1, 2]);
    const dScale = tf.mul(tf.sum(tf.mul(dy!, centred), [0, 1, 2]), r);
    const alongX = tf.mul(centred, tf.div(tf.mul(dScale, r), count));
    const dx = tf.mul(tf.sub(tf.sub(dy!, tf.div(dOffset, count)), alongX), tf.mul(scale!, r));
    return [dx, dScale, dOffset];
  });
}
