export { registerTrainingKernels } from './backends/register.ts';
export { type BatchNormTrainingResult, batchNormPreluTraining, batchNormTraining } from './ops/batch-norm-training.ts';
export { globalNorm } from './ops/global-norm.ts';
export { prelu } from './ops/prelu.ts';
export { scaleShift, scaleShiftPrelu } from './ops/scale-shift-prelu.ts';
export { type SgdStep, sgdUpdate } from './ops/sgd-update.ts';
export { sparseSoftmaxCrossEntropy } from './ops/sparse-softmax-cross-entropy.ts';
export { updateRows } from './ops/update-rows.ts';
export { variableGradients } from './ops/variable-gradients.ts';
