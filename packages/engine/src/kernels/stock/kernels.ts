import type { Kernels } from '../kernel.ts';
import {
  batchNormPreluTrainingName,
  batchNormTrainingGradName,
  batchNormTrainingName,
  preluGradName,
  preluName,
  sparseSoftmaxCrossEntropyName,
  updateRowsName,
} from '../names.ts';
import { batchNormPreluTraining } from './batch-norm-prelu-training.ts';
import { batchNormTraining, batchNormTrainingGrad } from './batch-norm-training.ts';
import { prelu, preluGrad } from './prelu.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { updateRows } from './update-rows.ts';

/** Our kernels as compositions of ops that every backend has. */
export const stockKernels: Kernels = {
  [batchNormTrainingName]: batchNormTraining,
  [batchNormTrainingGradName]: batchNormTrainingGrad,
  [batchNormPreluTrainingName]: batchNormPreluTraining,
  [preluName]: prelu,
  [preluGradName]: preluGrad,
  [sparseSoftmaxCrossEntropyName]: sparseSoftmaxCrossEntropy,
  [updateRowsName]: updateRows,
};
