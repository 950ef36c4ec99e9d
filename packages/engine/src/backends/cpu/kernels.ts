import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { sparseSoftmaxCrossEntropy } from '../host/sparse-softmax-cross-entropy.ts';
import { updateRows } from '../host/update-rows.ts';

/** Compositions, but for two that they cannot do, or not well: this backend is for correctness, not for speed. */
export const cpuKernels: TrainingKernels = { ...composedKernels, sparseSoftmaxCrossEntropy, updateRows };
