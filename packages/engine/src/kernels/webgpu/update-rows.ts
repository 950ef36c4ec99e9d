import type * as tf from '@tensorflow/tfjs';
import type { WebgpuBackend } from '../../webgpu-backend.ts';
import type { Inputs } from '../kernel.ts';

/** Copies rows from buffer to buffer, in order with what is computed before and after. */
export function updateRows({ matrix, values }: Inputs, attrs: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor[] {
  const gpu = backend as unknown as WebgpuBackend;
  for (const { dataId } of [matrix!, values!]) gpu.uploadToGPU(dataId);
  const [to, from] = [gpu.tensorMap.get(matrix!.dataId), gpu.tensorMap.get(values!.dataId)];
  const bytes = 4 * matrix!.shape[1]!;
  gpu.ensureCommandEncoderReady();
  gpu.endComputePassEncoder();
  (attrs.rows as unknown as Int32Array).forEach((row, i) => {
    gpu.commandEncoder.copyBufferToBuffer(from.resource!, i * bytes, to.resource!, row * bytes, bytes);
  });
  gpu.submitQueue();
  // What was read from the matrix before.
  to.values = null;
  return [];
}
