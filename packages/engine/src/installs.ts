// Where TensorFlow's library is looked for, and what decides whether it loads: for `@protomem/native`, which puts it there.
export {
  cacheFolder,
  findInstalls,
  type Installed,
  installName,
  nodeApi,
  ownBinding,
  programFile,
} from './backends/tensorflow/installs.ts';
export {
  type InstructionSet,
  instructionSet,
  instructionSets,
  trainingOpsFile,
} from './backends/tensorflow/instruction-sets.ts';
export { driverVersion, gpus, oldestDriver } from './backends/tensorflow/nvidia.ts';
export { findPackage, type InstalledPackage } from './packages.ts';
export { processor } from './processor.ts';
