export { freePort, isLoopback, joinAddress, splitAddress } from './address.ts';
export { replaceFile, writeFileAtomic } from './atomic-file.ts';
export { inFolder } from './in-folder.ts';
export { intoNew } from './into-new.ts';
export { checkNotHeld, type LockOwner, refuseHeld, withLock } from './lock.ts';
export * as protobuf from './protobuf.ts';
export { readSafetensors, refuseUnknownKeys, type SealedSafetensors, writeSafetensors } from './sealed-safetensors.ts';
export { systemReason } from './system-reason.ts';
export { isTemporary, sweepTemporary, temporaryPath } from './temporary.ts';
