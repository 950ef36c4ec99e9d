import * as tf from '@tensorflow/tfjs';
import type { Kernel } from '../kernel.ts';

/**
 * The stock kernel wraps ids beyond the segments around, where other backends drop them, and adds the bits of integers as
 * if they were floats. Sums of integers are exact below 2^24 here.
 */
export function unsortedSegmentSum(stock: Kernel<tf.Tensor>): Kernel<tf.Tensor> {
  return ({ x, segmentIds }, attrs, backend) =>
    tf.tidy(() => {
      const inside = tf.less(segmentIds!, attrs.numSegments as number);
      const ids = tf.where(inside, segmentIds!, tf.fill(segmentIds!.shape, -1, 'int32'));
      return tf.cast(stock({ x: tf.cast(x!, 'float32'), segmentIds: ids }, attrs, backend), x!.dtype);
    });
}
