export * from './engine-info.ts';
export { type InstallOptions, type InstallResult, installEngine } from './install/install.ts';
export * from './kernels/index.ts';
export * from './load-engine.ts';
export * from './ops/bfloat16.ts';
export * from './ops/cosines.ts';
export * from './ops/detached-gradients.ts';
export * from './parameters.ts';
export { type OpTime, profileOps } from './profile-ops.ts';
