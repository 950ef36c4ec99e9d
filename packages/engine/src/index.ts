export { type OpTime, profileOps } from './backends/tensorflow/profile-ops.ts';
export { timeoutBounds } from './collective/cluster.ts';
export { clusterFromEnvironment } from './collective/cluster-from-environment.ts';
export * from './everywhere.ts';
export { engineInUse, loadEngine } from './load-engine.ts';
