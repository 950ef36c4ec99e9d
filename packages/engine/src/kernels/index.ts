export * from './batch-norm-training.ts';
export * from './prelu.ts';
export { registerTrainingKernels } from './register.ts';
export * from './sparse-softmax-cross-entropy.ts';
export * from './update-rows.ts';
