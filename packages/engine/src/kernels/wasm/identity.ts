import type * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';

/**
 * Another reference to the same values, as on the other backends. The stock kernel copies them, for every tensor that is
 * saved for a gradient.
 */
export function identity({ x }: Inputs, _: tf.NamedAttrMap, backend: tf.KernelBackend): tf.TensorInfo {
  backend.incRef(x!.dataId);
  return { dataId: x!.dataId, shape: x!.shape, dtype: x!.dtype };
}
