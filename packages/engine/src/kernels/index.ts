export * from './batch-norm-training.ts';
export * from './global-norm.ts';
export * from './prelu.ts';
export { registerTrainingKernels } from './register.ts';
export * from './scale-shift-prelu.ts';
export { type SgdStep, sgdUpdate } from './sgd-update.ts';
export * from './sparse-softmax-cross-entropy.ts';
export * from './update-rows.ts';
