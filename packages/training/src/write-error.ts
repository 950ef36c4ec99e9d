import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ProtomemError } from '@protomem/core';

/** An error for a failed write that names the file, the cause and the free space. */
export function writeError(where: string, path: string, cause: unknown): ProtomemError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new ProtomemError(
    {
      where,
      what: `writing ${path}`,
      got: `refused: ${full ? 'the disk is full' : message}${freeSpace(dirname(path))}`,
      expected: 'a folder that takes it',
      fix: `Checkpoints written before are untouched${full ? ': free some space, then resume' : ''}.`,
    },
    { cause },
  );
}

function freeSpace(folder: string): string {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return ` (${((bavail * bsize) / 2 ** 20).toFixed(1)} MiB free)`;
  } catch {
    return '';
  }
}
