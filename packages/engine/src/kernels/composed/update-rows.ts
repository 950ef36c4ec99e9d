import { ProtomemError } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../training-kernels.ts';

/** For backends whose buffers cannot change: a changed copy takes the place of a variable's value. */
export const updateRows: TrainingKernels['updateRows'] = ({ matrix, values }, { rows }) => {
  if (!(matrix instanceof tf.Variable)) {
    throw new ProtomemError({
      where: 'updateRows',
      what: 'matrix',
      got: 'a tensor that is not a variable',
      expected: `a tf.Variable, because the ${tf.getBackend()} backend has no buffers that can change in place`,
      fix: 'Make it with tf.variable(matrix, false).',
    });
  }
  const variable: tf.Variable = matrix;
  tf.tidy(() => {
    const at = tf.tensor2d(rows, [values.shape[0], 1], 'int32');
    variable.assign(tf.tensorScatterUpdate(variable, at, values));
  });
  return [];
};
