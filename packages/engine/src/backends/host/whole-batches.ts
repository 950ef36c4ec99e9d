import * as tf from '@tensorflow/tfjs';
import type { Kernel } from '../../kernels/training-kernels.ts';

type Product = Kernel<tf.NamedTensorMap, tf.Tensor>;

/**
 * Products of batches of matrices of which some are repeated: the kernel gets all of them, or one for all. With others tfjs's
 * own kernel on `cpu` gives back too few values, and one that counts up reads behind its operand.
 */
export function wholeBatches(kernel: Product): Product {
  return ({ a, b }, attrs, backend) => {
    const outer = tf.broadcast_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const all = tf.util.sizeFromShape(outer);
    const batchOf = (x: tf.Tensor): number => tf.util.sizeFromShape(x.shape.slice(0, -2));
    const isRepeated = (x: tf.Tensor): boolean => batchOf(x) !== all && batchOf(x) !== 1;
    if (![a!, b!].some(isRepeated)) return kernel({ a: a!, b: b! }, attrs, backend);
    return tf.tidy(() => {
      const whole = (x: tf.Tensor): tf.Tensor =>
        isRepeated(x) ? tf.broadcastTo(x, [...outer, ...x.shape.slice(-2)]) : x;
      return kernel({ a: whole(a!), b: whole(b!) }, attrs, backend);
    });
  };
}
