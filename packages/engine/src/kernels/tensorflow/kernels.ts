import type { Kernels } from '../kernel.ts';
import {
  batchNormTrainingGradName,
  batchNormTrainingName,
  preluGradName,
  preluName,
  sparseSoftmaxCrossEntropyName,
  updateRowsName,
} from '../names.ts';
import { batchNormTraining, batchNormTrainingGrad } from './batch-norm-training.ts';
import { convolutionKernels } from './bfloat16-convolution.ts';
import { prelu, preluGrad } from './prelu.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { updateRows } from './update-rows.ts';

/** Our kernels on tfjs-node's backend: TensorFlow's own fused ops, called by name; and convolutions with a choice. */
export const tensorflowKernels = (): Kernels => ({
  ...convolutionKernels(),
  [batchNormTrainingName]: batchNormTraining,
  [batchNormTrainingGradName]: batchNormTrainingGrad,
  [preluName]: prelu,
  [preluGradName]: preluGrad,
  [sparseSoftmaxCrossEntropyName]: sparseSoftmaxCrossEntropy,
  [updateRowsName]: updateRows,
});
