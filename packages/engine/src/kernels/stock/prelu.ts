import * as tf from '@tensorflow/tfjs';
import { call, type Inputs } from '../kernel.ts';

export function prelu({ x, alpha }: Inputs): tf.Tensor {
  return call('Prelu', { x: x!, alpha: alpha! });
}

/** Outputs: gradients for x and alpha. */
export function preluGrad({ dy, x, alpha }: Inputs): tf.Tensor[] {
  return tf.tidy(() => {
    const positive = tf.mul(dy!, tf.step(x!));
    const negative = tf.sub(dy!, positive);
    const dx = tf.add(positive, tf.mul(negative, alpha!));
    const dAlpha = tf.sum(tf.mul(negative, x!), [...x!.shape.keys()].slice(0, -1));
    return [dx, dAlpha];
  });
}
