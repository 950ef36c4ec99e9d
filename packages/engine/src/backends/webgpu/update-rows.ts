import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { webgpu } from './backend.ts';

/** Copies rows from buffer to buffer, in order with what is computed before and after. */
export const updateRows: TrainingKernels['updateRows'] = ({ matrix, values }, { rows }, backend) => {
  const gpu = webgpu(backend);
  for (const { dataId } of [matrix, values]) gpu.uploadToGPU(dataId);
  const [to, from] = [gpu.tensorMap.get(matrix.dataId), gpu.tensorMap.get(values.dataId)];
  const bytes = 4 * matrix.shape[1];
  gpu.ensureCommandEncoderReady();
  gpu.endComputePassEncoder();
  rows.forEach((row, i) => {
    gpu.commandEncoder.copyBufferToBuffer(from.resource!, i * bytes, to.resource!, row * bytes, bytes);
  });
  gpu.submitQueue();
  // What was read from the matrix before.
  to.values = null;
  return [];
};
