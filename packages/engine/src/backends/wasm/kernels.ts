import { composedKernels } from '../../kernels/composed/kernels.ts';
import { type Overrides, tfjsKernel } from '../../kernels/registry.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { avgPoolGrad, maxPoolGrad } from '../host/pool-grads.ts';
import { sparseSoftmaxCrossEntropy } from '../host/sparse-softmax-cross-entropy.ts';
import { batchNormTraining, batchNormTrainingGrad, fusedBatchNorm } from './batch-norm-training.ts';
import { convolutions } from './convolutions.ts';
import { depthwiseConvolutions } from './depthwise-convolution.ts';
import { identity } from './identity.ts';
import { globalNorm, sgdUpdate } from './optimizer.ts';
import { preluGrad } from './prelu-grad.ts';
import { batchMatMul } from './products.ts';
import { unsortedSegmentSum } from './unsorted-segment-sum.ts';
import { updateRows } from './update-rows.ts';
import { winogradConvolutions } from './winograd-convolution.ts';

/** Compiled loops where a pass over memory is saved; the others are compositions, which run on these. */
export const wasmKernels: TrainingKernels = {
  ...composedKernels,
  batchNormTraining,
  batchNormTrainingGrad,
  globalNorm,
  preluGrad,
  sgdUpdate,
  sparseSoftmaxCrossEntropy,
  updateRows,
};

/** The gradient kernels that tfjs lacks on `wasm`, and what it has wrong, or very slow, there. */
export const wasmOverrides = (): Overrides => ({
  AvgPoolGrad: avgPoolGrad,
  BatchMatMul: batchMatMul(tfjsKernel('BatchMatMul', 'wasm')),
  ...winogradConvolutions(convolutions),
  ...depthwiseConvolutions,
  FusedBatchNorm: fusedBatchNorm,
  Identity: identity,
  MaxPoolGrad: maxPoolGrad,
  UnsortedSegmentSum: unsortedSegmentSum,
});
