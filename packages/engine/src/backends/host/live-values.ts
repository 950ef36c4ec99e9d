import type * as tf from '@tensorflow/tfjs';

/** The parts of the `cpu` and `wasm` backends that hold values; tfjs's types have nothing of either. */
type HostBackend = Partial<tf.KernelBackend> &
  (
    | { readonly data: { get(dataId: tf.DataId): { values: Float32Array | Int32Array } } }
    | { typedArrayFromHeap(info: tf.TensorInfo): Float32Array | Int32Array }
  );

/**
 * The values that a tensor of the `cpu` or `wasm` backend has now, not a copy: writing to them changes the tensor.
 * On `wasm` they hold until memory is next allocated.
 */
export function liveValues(backend: tf.KernelBackend, tensor: tf.Tensor): Float32Array | Int32Array {
  const host = backend as HostBackend;
  return 'data' in host ? host.data.get(tensor.dataId).values : host.typedArrayFromHeap(tensor);
}
