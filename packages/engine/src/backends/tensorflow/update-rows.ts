import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { execute } from './execute.ts';

/** `InplaceUpdate` returns another handle to the buffer that it was given; the buffer has the new rows. */
export const updateRows: TrainingKernels['updateRows'] = ({ matrix, values }, attrs, backend) => {
  const rows = tf.tensor1d(attrs.rows, 'int32');
  tf.dispose([rows, ...execute(backend, 'InplaceUpdate', [matrix, rows, values])]);
  return [];
};
