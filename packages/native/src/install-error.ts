import { ProtomemError } from '@protomem/core';

/** An install that cannot go on: what is wrong, and what to do. */
export const installError = (what: string, got: string, expected: string, fix: string): ProtomemError =>
  new ProtomemError({ where: 'protomem-engine install', what, got, expected, fix });

/** Messages of the system, of pip and of compilers for a disk that is full. */
const diskFull = /ENOSPC|No space left on device|EDQUOT|Disk quota exceeded/i;

/** Throws when a text (a tool's output, an error's message) speaks of a full disk. */
export function throwIfDiskFull(text: string, folder: string): void {
  if (diskFull.test(text)) throw installError('the disk', 'full', `room in ${folder}`, freeSomething);
}

export const freeSomething = 'Free some space, or set PROTOMEM_CACHE to a folder on another disk.';
