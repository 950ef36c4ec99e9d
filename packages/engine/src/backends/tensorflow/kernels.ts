import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import {
  batchNormPreluTraining,
  batchNormPreluTrainingGrad,
  batchNormTraining,
  batchNormTrainingGrad,
} from './batch-norm-training.ts';
import { convolutionPrelu } from './convolution-prelu.ts';
import { depthwise, depthwiseGrad, depthwisePrelu } from './depthwise.ts';
import { globalNorm, movingAverages, sgdUpdate } from './optimizer.ts';
import { prelu, preluGrad, scaleShift, scaleShiftPrelu } from './prelu.ts';
import { groupSums, refreshRows, rowDots, splitRows, splitRowsGrad } from './rows.ts';
import { sparseSoftmaxCrossEntropy } from './sparse-softmax-cross-entropy.ts';
import { attention, attentionGrad, layerNorm, layerNormGrad, relu6Grad } from './transformer.ts';
import { updateRows } from './update-rows.ts';

/** Ops of our own where they are loaded, else TensorFlow's, called by name. */
export const tensorflowKernels: TrainingKernels = {
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
