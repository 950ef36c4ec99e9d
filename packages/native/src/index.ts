export { doctor, type Examination, printExamination } from './doctor.ts';
export { type InstallOptions, type InstallResult, installEngine } from './install.ts';
export { runCli } from './run-cli.ts';
