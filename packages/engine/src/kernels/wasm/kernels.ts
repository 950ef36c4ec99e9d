import { sparseSoftmaxCrossEntropy } from '../host/sparse-softmax-cross-entropy.ts';
import { type Kernels, stockKernel } from '../kernel.ts';
import {
  batchNormTrainingGradName,
  batchNormTrainingName,
  preluGradName,
  sparseSoftmaxCrossEntropyName,
  updateRowsName,
} from '../names.ts';
import { batchMatMul } from './batch-mat-mul.ts';
import { batchNormTraining, batchNormTrainingGrad } from './batch-norm-training.ts';
import { conv2dBackpropFilter } from './conv2d-backprop-filter.ts';
import { conv2dBackpropInput } from './conv2d-backprop-input.ts';
import { depthwiseBackpropFilter } from './depthwise-backprop-filter.ts';
import { depthwiseBackpropInput } from './depthwise-backprop-input.ts';
import { identity } from './identity.ts';
import { maxPoolGrad } from './max-pool-grad.ts';
import { preluGrad } from './prelu-grad.ts';
import { unsortedSegmentSum } from './unsorted-segment-sum.ts';
import { updateRows } from './update-rows.ts';

/** Our kernels on `wasm`, with the gradient kernels that tfjs lacks there, has wrong, or has very slow. */
export function wasmKernels(): Kernels {
  return {
    [batchNormTrainingName]: batchNormTraining,
    [batchNormTrainingGradName]: batchNormTrainingGrad,
    [preluGradName]: preluGrad,
    [sparseSoftmaxCrossEntropyName]: sparseSoftmaxCrossEntropy,
    [updateRowsName]: updateRows,
    BatchMatMul: batchMatMul(stockKernel('BatchMatMul', 'wasm')),
    Conv2DBackpropFilter: conv2dBackpropFilter,
    Conv2DBackpropInput: conv2dBackpropInput,
    DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
    DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
    Identity: identity,
    MaxPoolGrad: maxPoolGrad,
    UnsortedSegmentSum: unsortedSegmentSum,
  };
}
