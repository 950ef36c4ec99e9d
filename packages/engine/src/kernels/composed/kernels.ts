import type { TrainingKernels } from '../training-kernels.ts';
import { attention, attentionGrad } from './attention.ts';
import {
  batchNormPreluTraining,
  batchNormPreluTrainingGrad,
  batchNormTraining,
  batchNormTrainingGrad,
} from './batch-norm-training.ts';
import { convolutionPrelu } from './convolution-prelu.ts';
import { depthwise, depthwiseGrad, depthwisePrelu } from './depthwise.ts';
import { layerNorm, layerNormGrad } from './layer-norm.ts';
import { globalNorm, movingAverages, sgdUpdate } from './optimizer.ts';
import { prelu, preluGrad, relu6Grad, scaleShift, scaleShiftPrelu } from './prelu.ts';
import { groupSums, refreshRows, rowDots, splitRows, splitRowsGrad } from './rows.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { updateRows } from './update-rows.ts';

/** Our kernels as compositions of ops that every backend has. */
export const composedKernels: TrainingKernels = {
  batchNormTraining,
  batchNormTrainingGrad,
  batchNormPreluTraining,
  batchNormPreluTrainingGrad,
  prelu,
  preluGrad,
  relu6Grad,
  scaleShift,
  scaleShiftPrelu,
  depthwise,
  depthwisePrelu,
  depthwiseGrad,
  convolutionPrelu,
  layerNorm,
  layerNormGrad,
  splitRows,
  splitRowsGrad,
  rowDots,
  groupSums,
  refreshRows,
  attention,
  attentionGrad,
  globalNorm,
  sgdUpdate,
  movingAverages,
  sparseSoftmaxCrossEntropy,
  updateRows,
};
