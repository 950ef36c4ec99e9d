export * from './kernels/index.ts';
export { variableGradients } from './ops/variable-gradients.ts';
