import type { Kernels } from '../kernel.ts';
import {
  batchNormPreluTrainingGradName,
  batchNormPreluTrainingName,
  batchNormTrainingGradName,
  batchNormTrainingName,
  globalNormName,
  preluGradName,
  preluName,
  scaleShiftName,
  scaleShiftPreluName,
  sgdUpdateName,
  sparseSoftmaxCrossEntropyName,
  updateRowsName,
} from '../names.ts';
import { batchNormPreluTraining, batchNormPreluTrainingGrad } from './batch-norm-prelu-training.ts';
import { batchNormTraining, batchNormTrainingGrad } from './batch-norm-training.ts';
import { globalNorm } from './global-norm.ts';
import { prelu, preluGrad, scaleShift, scaleShiftPrelu } from './prelu.ts';
import { sgdUpdate } from './sgd-update.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { updateRows } from './update-rows.ts';

/** Our kernels as compositions of ops that every backend has. */
export const stockKernels: Kernels = {
  [batchNormTrainingName]: batchNormTraining,
  [batchNormTrainingGradName]: batchNormTrainingGrad,
  [batchNormPreluTrainingName]: batchNormPreluTraining,
  [batchNormPreluTrainingGradName]: batchNormPreluTrainingGrad,
  [preluName]: prelu,
  [preluGradName]: preluGrad,
  [scaleShiftName]: scaleShift,
  [scaleShiftPreluName]: scaleShiftPrelu,
  [globalNormName]: globalNorm,
  [sgdUpdateName]: sgdUpdate,
  [sparseSoftmaxCrossEntropyName]: sparseSoftmaxCrossEntropy,
  [updateRowsName]: updateRows,
};
