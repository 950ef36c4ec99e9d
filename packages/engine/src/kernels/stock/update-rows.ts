import { ProtomemError } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';

/** For backends whose buffers cannot change: a changed copy takes the place of a variable's value. */
export function updateRows({ matrix, values }: Inputs, attrs: tf.NamedAttrMap): tf.Tensor[] {
  if (!(matrix instanceof tf.Variable)) {
    throw new ProtomemError({
      where: 'updateRows',
      what: 'matrix',
      got: 'a tensor that is not a variable',
      expected: `a tf.Variable, because the ${tf.getBackend()} backend has no buffers that can change in place`,
      fix: 'Make it with tf.variable(matrix, false).',
    });
  }
  const variable = matrix;
  tf.tidy(() => {
    const rows = tf.tensor2d(attrs.rows as unknown as Int32Array, [values!.shape[0]!, 1], 'int32');
    variable.assign(tf.tensorScatterUpdate(variable, rows, values!));
  });
  return [];
}
