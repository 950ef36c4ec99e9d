import type * as tf from '@tensorflow/tfjs';

/** The part of the `cpu` backend that holds values. */
interface CpuBackend {
  readonly data: { get(dataId: tf.DataId): { values: Float32Array | Int32Array } };
}

/** The part of the `wasm` backend that holds values. */
interface WasmBackend {
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array | Int32Array;
}

/**
 * The values that a tensor of the `cpu` or `wasm` backend has now, not a copy: writing to them changes the tensor.
 * On `wasm` they hold until memory is next allocated.
 */
export function liveValues(backend: tf.KernelBackend, tensor: tf.Tensor): Float32Array | Int32Array {
  return 'data' in backend
    ? (backend as unknown as CpuBackend).data.get(tensor.dataId).values
    : (backend as unknown as WasmBackend).typedArrayFromHeap(tensor);
}
