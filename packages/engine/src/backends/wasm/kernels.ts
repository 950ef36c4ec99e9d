import { composedKernels } from '../../kernels/composed/kernels.ts';
import { type Overrides, tfjsKernel } from '../../kernels/registry.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { sparseSoftmaxCrossEntropy } from '../host/sparse-softmax-cross-entropy.ts';
import { batchMatMul } from './batch-mat-mul.ts';
import { batchNormTraining, batchNormTrainingGrad } from './batch-norm-training.ts';
import { conv2dBackpropFilter, conv2dBackpropInput } from './conv2d-gradients.ts';
import { depthwiseBackpropFilter, depthwiseBackpropInput } from './depthwise-gradients.ts';
import { identity } from './identity.ts';
import { maxPoolGrad } from './max-pool-grad.ts';
import { preluGrad } from './prelu-grad.ts';
import { unsortedSegmentSum } from './unsorted-segment-sum.ts';
import { updateRows } from './update-rows.ts';
import { winogradConvolutions } from './winograd-convolution.ts';

/** Compiled loops where a pass over memory is saved; the others are compositions, which run on these. */
export const wasmKernels: TrainingKernels = {
  ...composedKernels,
  batchNormTraining,
  batchNormTrainingGrad,
  preluGrad,
  sparseSoftmaxCrossEntropy,
  updateRows,
};

/** The gradient kernels that tfjs lacks on `wasm`, and what it has wrong, or very slow, there. */
export const wasmOverrides = (): Overrides => ({
  BatchMatMul: batchMatMul(tfjsKernel('BatchMatMul', 'wasm')),
  ...winogradConvolutions({ Conv2DBackpropFilter: conv2dBackpropFilter, Conv2DBackpropInput: conv2dBackpropInput }),
  DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  Identity: identity,
  MaxPoolGrad: maxPoolGrad,
  UnsortedSegmentSum: unsortedSegmentSum,
});
