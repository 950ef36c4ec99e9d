import { composedKernels } from '../../kernels/composed/kernels.ts';
import { type Overrides, tfjsKernel } from '../../kernels/registry.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { avgPoolGrad } from '../host/pool-grads.ts';
import { sparseSoftmaxCrossEntropy } from '../host/sparse-softmax-cross-entropy.ts';
import { updateRows } from '../host/update-rows.ts';
import { wholeBatches } from '../host/whole-batches.ts';

/** Compositions, but for two that they cannot do, or not well: this backend is for correctness, not for speed. */
export const cpuKernels: TrainingKernels = { ...composedKernels, sparseSoftmaxCrossEntropy, updateRows };

/** What tfjs has wrong on it. */
export const cpuOverrides = (): Overrides => ({
  AvgPoolGrad: avgPoolGrad,
  BatchMatMul: wholeBatches(tfjsKernel('BatchMatMul', 'cpu')),
});
