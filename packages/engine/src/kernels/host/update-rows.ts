import type * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { liveValues } from './live-values.ts';

/** Copies rows into the memory that the matrix is in. */
export function updateRows({ matrix, values }: Inputs, attrs: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor[] {
  const width = matrix!.shape[1]!;
  const [to, from] = [liveValues(backend, matrix!), liveValues(backend, values!)];
  (attrs.rows as unknown as Int32Array).forEach((row, i) => {
    to.set(from.subarray(i * width, (i + 1) * width), row * width);
  });
  return [];
}
