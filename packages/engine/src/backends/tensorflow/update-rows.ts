import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { execute } from './execute.ts';

/**
 * `InplaceUpdate` returns another handle to the buffer that it was given; the buffer has the new rows. It copies row after row, and
 * values may be a slice of the matrix, whose memory TensorFlow shares: so they are copied before.
 */
export const updateRows: TrainingKernels['updateRows'] = ({ matrix, values }, attrs, backend) => {
  const rows = tf.tensor1d(attrs.rows, 'int32');
  const [own] = execute(backend, 'DeepCopy', [values]);
  tf.dispose([rows, own, ...execute(backend, 'InplaceUpdate', [matrix, rows, own])]);
  return [];
};
