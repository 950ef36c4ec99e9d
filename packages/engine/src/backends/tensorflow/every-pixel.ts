import * as tf from '@tensorflow/tfjs';

/** Every n-th row and column of an image, from the first on, by a plain slice. */
export function every(x: tf.Tensor4D, [down, right]: [number, number]): tf.Tensor4D {
  if (down === 1 && right === 1) return x;
  const [images, high, wide, channels] = x.shape;
  const [rows, columns] = [Math.ceil(high / down), Math.ceil(wide / right)];
  const more: [number, number][] = [
    [0, 0],
    [0, rows * down - high],
    [0, columns * right - wide],
    [0, 0],
  ];
  const whole = rows * down === high && columns * right === wide ? x : tf.pad(x, more);
  const apart = tf.reshape(whole, [images * rows, down, columns, right * channels]);
  return tf.reshape(tf.slice(apart, 0, [images * rows, 1, columns, channels]), [images, rows, columns, channels]);
}
