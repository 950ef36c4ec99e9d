import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { updateRows as writeRows } from '../host/update-rows.ts';
import type { WasmBackend } from './backend.ts';

/**
 * Copies rows into the heap. The backend keeps packed copies of matrices that were the second operand of a product, by
 * the tensor's number, and throws them away when the number is said to be gone. So this says that, and then that the
 * same number is in the same place: the tensor stays as it was, only the packed copies are made anew.
 */
export const updateRows: TrainingKernels['updateRows'] = (inputs, attrs, backend) => {
  const { wasm, dataIdMap } = backend as WasmBackend;
  writeRows(inputs, attrs, backend);
  const { id, memoryOffset } = dataIdMap.get(inputs.matrix.dataId);
  wasm.tfjs.disposeData(id);
  wasm.tfjs.registerTensor(id, inputs.matrix.size, memoryOffset);
  return [];
};
