import { type Kernels, stockKernel } from '../kernel.ts';
import { sparseSoftmaxCrossEntropyName, updateRowsName } from '../names.ts';
import { acos } from './acos.ts';
import { addN } from './add-n.ts';
import { gatherNd } from './gather-nd.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { unsortedSegmentSum } from './unsorted-segment-sum.ts';
import { updateRows } from './update-rows.ts';

/** Those of our kernels on `webgpu` that are not compositions of its ops, and what tfjs has wrong there. */
export function webgpuKernels(): Kernels {
  return {
    [sparseSoftmaxCrossEntropyName]: sparseSoftmaxCrossEntropy,
    [updateRowsName]: updateRows,
    Acos: acos,
    AddN: addN(stockKernel('AddN', 'webgpu')),
    GatherNd: gatherNd(stockKernel('GatherNd', 'webgpu')),
    UnsortedSegmentSum: unsortedSegmentSum(stockKernel('UnsortedSegmentSum', 'webgpu')),
  };
}
