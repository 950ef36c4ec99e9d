import * as tf from '@tensorflow/tfjs';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { webgpu } from './backend.ts';

/** A kernel of tfjs. */
type TfjsKernel = Kernel<tf.NamedTensorMap, tf.Tensor>;

/** Of the eight buffers that WebGPU allows a shader, one is the result. */
const AT_ONCE = 7;

/** tfjs's kernel gives all terms to one shader, which the GPU refuses. */
export function addN(plain: TfjsKernel): TfjsKernel {
  return (inputs, attrs, backend) =>
    tf.tidy(() => {
      // Of this kernel the inputs are a list.
      const sum = (terms: tf.Tensor[]): tf.Tensor => plain(terms as object as tf.NamedTensorMap, attrs, backend);
      let terms = Object.values(inputs);
      while (terms.length > AT_ONCE) terms = [sum(terms.slice(0, AT_ONCE)), ...terms.slice(AT_ONCE)];
      return sum(terms);
    });
}

/** Where tfjs's kernel lets the host do a small one, it forgets a reference to each of its inputs. */
export function gatherNd(plain: TfjsKernel): TfjsKernel {
  return (inputs, attrs, backend) => {
    const gpu = webgpu(backend);
    const all = [inputs.params!, inputs.indices!];
    const forgotten = gpu.shouldExecuteOnCPU(all) ? all : [];
    const found = plain(inputs, attrs, backend);
    for (const { dataId } of forgotten) gpu.disposeData(dataId);
    return found;
  };
}

/**
 * tfjs's kernel wraps ids beyond the segments around, where other backends drop them, and adds the bits of integers as
 * if they were floats. Sums of integers are exact below 2^24 here.
 */
export function unsortedSegmentSum(plain: TfjsKernel): TfjsKernel {
  return (inputs, attrs, backend) =>
    tf.tidy(() => {
      const [x, segmentIds] = [inputs.x!, inputs.segmentIds!];
      const inside = tf.less(segmentIds, attrs.numSegments as number);
      const ids = tf.where(inside, segmentIds, tf.fill(segmentIds.shape, -1, 'int32'));
      return tf.cast(plain({ x: tf.cast(x, 'float32'), segmentIds: ids }, attrs, backend), x.dtype);
    });
}
