import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { temporaryPath } from './temporary.ts';

/**
 * Writes a file so that a reader sees the old content or the new one, never a part: temporary file beside it, fsync,
 * rename, fsync of the folder. The mode stays. On any failure (a full disk, a kill) the old file stays and the temporary one
 * goes.
 *
 * @param path of the file; its folder exists.
 * @param parts written one after the other; text is UTF-8.
 */
export function writeFileAtomic(path: string, ...parts: readonly (string | Uint8Array)[]): Promise<void> {
  return replaceFile(path, async (file) => {
    for (const part of parts) await file.writeFile(part);
  });
}

/** {@link writeFileAtomic} for content that `fill` writes itself. */
export async function replaceFile(path: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = temporaryPath(path);
  let file: FileHandle | undefined;
  try {
    const before = await stat(path).catch(() => undefined);
    file = await open(temporary, 'wx');
    if (before) await file.chmod(before.mode & 0o7777);
    await fill(file);
    await file.sync();
    await file.close();
    file = undefined;
    await rename(temporary, path);
  } catch (error) {
    await file?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; there the rename is as durable as it gets.
  const folder = await open(path, 'r').catch(() => undefined);
  if (!folder) return;
  await folder.sync().catch(() => undefined);
  await folder.close();
}
