import { sparseSoftmaxCrossEntropy } from '../host/sparse-softmax-cross-entropy.ts';
import { updateRows } from '../host/update-rows.ts';
import type { Kernels } from '../kernel.ts';
import { sparseSoftmaxCrossEntropyName, updateRowsName } from '../names.ts';

/** What the `cpu` backend does better than a composition of its ops; it is for correctness, not for speed. */
export const cpuKernels: Kernels = {
  [sparseSoftmaxCrossEntropyName]: sparseSoftmaxCrossEntropy,
  [updateRowsName]: updateRows,
};
