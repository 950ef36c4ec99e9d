import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { liveValues } from './live-values.ts';

/** Copies rows into the memory that the matrix is in. */
export const updateRows: TrainingKernels['updateRows'] = ({ matrix, values }, { rows }, backend) => {
  const width = matrix.shape[1];
  const [to, given] = [liveValues(backend, matrix), liveValues(backend, values)];
  // Rows of the matrix itself, of which `cpu` keeps slices where they were; all of `wasm` is one buffer.
  const isShared =
    to.buffer === given.buffer &&
    given.byteOffset < to.byteOffset + to.byteLength &&
    to.byteOffset < given.byteOffset + given.byteLength;
  const from = isShared ? given.slice() : given;
  rows.forEach((row, i) => {
    to.set(from.subarray(i * width, (i + 1) * width), row * width);
  });
  return [];
};
