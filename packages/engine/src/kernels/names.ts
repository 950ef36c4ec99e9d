/** Names of our kernels in tfjs's registry; the prefix keeps them apart from tfjs's own. */
export const batchNormTrainingName = 'protomem.BatchNormTraining';
export const batchNormTrainingGradName = 'protomem.BatchNormTrainingGrad';
export const batchNormPreluTrainingName = 'protomem.BatchNormPreluTraining';
export const batchNormPreluTrainingGradName = 'protomem.BatchNormPreluTrainingGrad';
export const globalNormName = 'protomem.GlobalNorm';
export const preluName = 'protomem.Prelu';
export const preluGradName = 'protomem.PreluGrad';
export const scaleShiftName = 'protomem.ScaleShift';
export const scaleShiftPreluName = 'protomem.ScaleShiftPrelu';
export const sgdUpdateName = 'protomem.SgdUpdate';
export const sparseSoftmaxCrossEntropyName = 'protomem.SparseSoftmaxCrossEntropy';
export const updateRowsName = 'protomem.UpdateRows';
