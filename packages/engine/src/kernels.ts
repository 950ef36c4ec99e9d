export * from './kernels/index.ts';
export * from './ops/variable-gradients.ts';
