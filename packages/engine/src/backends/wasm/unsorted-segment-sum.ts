import * as tf from '@tensorflow/tfjs';
import { liveValues } from '../host/live-values.ts';

/** Sums the rows of `x` that have the same segment id, as gather's gradient needs; ids outside the segments are dropped. */
export function unsortedSegmentSum(
  { x, segmentIds }: tf.NamedTensorMap,
  attrs: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): tf.Tensor {
  const segments = attrs.numSegments as number;
  const sums = tf.zeros([segments, ...x!.shape.slice(1)], x!.dtype as 'float32' | 'int32');
  const width = sums.size / segments;
  const [to, from, ids] = [sums, x!, segmentIds!].map((tensor) => liveValues(backend, tensor));
  ids!.forEach((segment, row) => {
    if (segment < 0 || segment >= segments) return;
    for (let i = 0; i < width; i++) to![segment * width + i]! += from![row * width + i]!;
  });
  return sums;
}
