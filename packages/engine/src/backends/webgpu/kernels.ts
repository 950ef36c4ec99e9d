import { composedKernels } from '../../kernels/composed/kernels.ts';
import { type Overrides, tfjsKernel } from '../../kernels/registry.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { acos } from './acos.ts';
import { addN, gatherNd, unsortedSegmentSum } from './mended-kernels.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { updateRows } from './update-rows.ts';

/** Compositions, but for two that they cannot do, or not well. */
export const webgpuKernels: TrainingKernels = { ...composedKernels, sparseSoftmaxCrossEntropy, updateRows };

/** What tfjs has wrong on `webgpu`. */
export const webgpuOverrides = (): Overrides => ({
  Acos: acos,
  AddN: addN(tfjsKernel('AddN', 'webgpu')),
  GatherNd: gatherNd(tfjsKernel('GatherNd', 'webgpu')),
  UnsortedSegmentSum: unsortedSegmentSum(tfjsKernel('UnsortedSegmentSum', 'webgpu')),
});
