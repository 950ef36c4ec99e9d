import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ProtomemError } from '@protomem/core';

/** Turns a failed write into an error that names the file, the cause and the free space. */
export async function writeError(where: string, path: string, cause: unknown, kept: string): Promise<ProtomemError> {
  const code = (cause as NodeJS.ErrnoException)?.code;
  const disk = await statfs(dirname(path)).catch(() => undefined);
  const free = disk ? ` (${((disk.bavail * disk.bsize) / 2 ** 20).toFixed(1)} MiB free there)` : '';
  return new ProtomemError(
    {
      where,
      what: `writing ${path}`,
      got: `refused: ${code === 'ENOSPC' ? 'the disk is full' : String((cause as Error)?.message ?? cause)}${free}`,
      expected: 'a folder that takes the file',
      fix: `${kept}${code === 'ENOSPC' ? ' Free some space, then resume.' : ''}`,
    },
    { cause },
  );
}
