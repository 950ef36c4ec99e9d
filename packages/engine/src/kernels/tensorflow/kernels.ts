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
import {
  batchNormPreluTraining,
  batchNormPreluTrainingGrad,
  batchNormTraining,
  batchNormTrainingGrad,
} from './batch-norm-training.ts';
import { globalNorm, sgdUpdate } from './optimizer.ts';
import { pointwiseConvolutions } from './pointwise-convolution.ts';
import { prelu, preluGrad, scaleShift, scaleShiftPrelu } from './prelu.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { updateRows } from './update-rows.ts';

/** Our kernels on tfjs-node's backend: ops of our own where they are loaded, else TensorFlow's, called by name. */
export const tensorflowKernels = (): Kernels => ({
  ...pointwiseConvolutions(),
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
});
