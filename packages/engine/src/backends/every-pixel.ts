import * as tf from '@tensorflow/tfjs';

/** Every n-th row and column of an image (or of a filter), from a first one on. */
export function every(x: tf.Tensor4D, step: [number, number], first: [number, number] = [0, 0]): tf.Tensor4D {
  if (step[0] === 1 && step[1] === 1 && first[0] === 0 && first[1] === 0) return x;
  return tf.stridedSlice(x, [0, ...first, 0], x.shape, [1, ...step, 1]) as tf.Tensor4D;
}
