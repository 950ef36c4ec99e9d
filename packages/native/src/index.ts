export { doctor, type Examination, printExamination } from './doctor.ts';
export { type InstallOptions, type InstallResult, installEngine } from './install.ts';
export { installedTensorFlow } from './installed-tensorflow.ts';
export { runCli } from './run-cli.ts';
