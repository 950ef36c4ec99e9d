import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { execute } from './execute.ts';

/** `InplaceUpdate` returns another handle to the buffer that it was given; the buffer has the new rows. */
export function updateRows({ matrix, values }: Inputs, attrs: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor[] {
  const rows = tf.tensor1d(attrs.rows as unknown as Int32Array, 'int32');
  tf.dispose([rows, ...execute(backend, 'InplaceUpdate', [matrix!, rows, values!])]);
  return [];
}
