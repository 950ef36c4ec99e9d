import type * as tf from '@tensorflow/tfjs';
import type { WebgpuBackend } from '../../webgpu-backend.ts';
import type { Kernel } from '../kernel.ts';

/** Where the stock kernel lets the host do a small one, it forgets a reference to each of its inputs. */
export function gatherNd(stock: Kernel<tf.Tensor>): Kernel<tf.Tensor> {
  return ({ params, indices }, attrs, backend) => {
    const gpu = backend as unknown as WebgpuBackend;
    const forgotten = gpu.shouldExecuteOnCPU([params!, indices!]) ? [params!, indices!] : [];
    const found = stock({ params: params!, indices: indices! }, attrs, backend);
    for (const { dataId } of forgotten) gpu.disposeData(dataId);
    return found;
  };
}
