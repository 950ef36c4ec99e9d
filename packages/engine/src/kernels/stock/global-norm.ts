import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';

export function globalNorm(tensors: Inputs): tf.Tensor {
  return tf.tidy(() => tf.sqrt(tf.addN(Object.values(tensors).map((tensor) => tf.sum(tf.square(tensor))))));
}
