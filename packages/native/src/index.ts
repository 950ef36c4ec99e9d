export { doctor, type Examination, printExamination } from './doctor.ts';
export { type InstallOptions, type InstallResult, installEngine } from './install.ts';
