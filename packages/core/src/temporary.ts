import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A path beside `path` for what is not finished: hidden, of this process alone, known to {@link sweepTemporary}. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
}

/** Whether a name in a folder is one of {@link temporaryPath}. */
export const isTemporary = (name: string): boolean => TEMPORARY.test(name);

const TEMPORARY = /^\.(.+)\.\d+-[0-9a-f]{8}\.tmp$/;

/**
 * Removes what killed processes left unfinished, files and folders of {@link temporaryPath}. Only whoever holds the lock
 * of their target may: those of a living process look the same.
 *
 * @param folder that they are in; nothing happens when there is none.
 * @param options.of name of the target. Default: any.
 * @param options.recursive looks into the folders below, too. Default false.
 * @returns how many were removed.
 */
export async function sweepTemporary(
  folder: string,
  { of, recursive = false }: { readonly of?: string; readonly recursive?: boolean } = {},
): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  let removed = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const target = TEMPORARY.exec(entry.name)?.[1];
    if (target !== undefined && (of === undefined || target === of)) {
      await rm(path, { recursive: true, force: true });
      removed++;
    } else if (recursive && entry.isDirectory()) removed += await sweepTemporary(path, { of, recursive });
  }
  return removed;
}
