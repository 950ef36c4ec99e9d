import type * as tf from '@tensorflow/tfjs';

/**
 * Another reference to the same values, as on the other backends. tfjs's kernel copies them, for every tensor that is
 * saved for a gradient.
 */
export function identity({ x }: tf.NamedTensorMap, _: tf.NamedAttrMap, backend: tf.KernelBackend): tf.TensorInfo {
  backend.incRef(x!.dataId);
  return { dataId: x!.dataId, shape: x!.shape, dtype: x!.dtype };
}
