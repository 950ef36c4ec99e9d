import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { Kernel, KernelKey, TrainingKernels } from '../../kernels/training-kernels.ts';
import { hasTrainingOps } from './has-training-ops.ts';

/** A kernel that executes an op of our own; where those are not loaded, the composition. */
export function ownOp<K extends KernelKey>(key: K, own: TrainingKernels[K]): TrainingKernels[K] {
  const either: Kernel<never, unknown, never> = (inputs, attrs, backend) =>
    ((hasTrainingOps(backend) ? own : composedKernels[key]) as typeof either)(inputs, attrs, backend);
  return either as TrainingKernels[K];
}
