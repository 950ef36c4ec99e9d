export { registerTrainingKernels } from './backends/register.ts';
export { checkMemory, freeMemory } from './check-memory.ts';
export type { Cluster } from './collective/cluster.ts';
export {
  alone,
  type Collective,
  checkSame,
  collective,
  gatherJson,
  LONG_WAIT_SECONDS,
  type Reduction,
} from './collective/collective.ts';
export type {
  EngineInfo,
  EngineName,
  LoadEngineOptions,
  Precision,
  RejectedEngine,
} from './engine-info.ts';
export { attention } from './ops/attention.ts';
export { type BatchNormTrainingResult, batchNormPreluTraining, batchNormTraining } from './ops/batch-norm-training.ts';
export { packBfloat16, unpackBfloat16 } from './ops/bfloat16.ts';
export { convolutionPrelu } from './ops/convolution-prelu.ts';
export {
  MASKED_LOGIT,
  putElements,
  scatterUpdate,
  stopGradient,
  takeElements,
} from './ops/cosines.ts';
export { depthwiseConvolution, depthwisePrelu } from './ops/depthwise-convolution.ts';
export { detachedGradients, isRecording } from './ops/detached-gradients.ts';
export { globalNorm } from './ops/global-norm.ts';
export { layerNorm } from './ops/layer-norm.ts';
export { paddedConv2d } from './ops/padded-conv2d.ts';
export { prelu } from './ops/prelu.ts';
export { relu6 } from './ops/relu6.ts';
export { groupSums, type RefreshShare, refreshRows, rowDots, splitRows, unitRows } from './ops/rows.ts';
export { scaleShift, scaleShiftPrelu } from './ops/scale-shift-prelu.ts';
export { type SgdStep, sgdUpdate } from './ops/sgd-update.ts';
export { sparseSoftmaxCrossEntropy } from './ops/sparse-softmax-cross-entropy.ts';
export { synchronizedBatchNorm } from './ops/synchronized-batch-norm.ts';
export { updateMovingAverages } from './ops/update-moving-averages.ts';
export { updateRows } from './ops/update-rows.ts';
export { type OnGradient, variableGradients } from './ops/variable-gradients.ts';
export { checkNames, parametersState, restoreParameters } from './parameters.ts';
