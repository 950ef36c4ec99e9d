import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { liveValues } from './live-values.ts';

/** Copies rows into the memory that the matrix is in. */
export const updateRows: TrainingKernels['updateRows'] = ({ matrix, values }, { rows }, backend) => {
  const width = matrix.shape[1];
  const [to, from] = [liveValues(backend, matrix), liveValues(backend, values)];
  rows.forEach((row, i) => {
    to.set(from.subarray(i * width, (i + 1) * width), row * width);
  });
  return [];
};
