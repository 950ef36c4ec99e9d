export { writeFileAtomic } from './atomic-file.ts';
export { readSafetensors, refuseUnknownKeys, type SealedSafetensors, writeSafetensors } from './sealed-safetensors.ts';
