import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ProtomemError } from './errors.ts';
import { systemReason } from './system-reason.ts';

/**
 * Does work that writes into a folder, which is made for it. Nothing is left behind by what is refused: folders that were made
 * and are empty at the end go again.
 *
 * @throws {ProtomemError} when the folder cannot be made; what `work` throws.
 */
export async function inFolder<T>(where: string, path: string, work: () => Promise<T>): Promise<T> {
  let folder = resolve(path);
  const made = await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    const got = error.code === 'EEXIST' ? 'a file' : systemReason(error);
    throw new ProtomemError(
      { where, what: path, got, expected: 'a folder that can be made and written' },
      { cause: error },
    );
  });
  try {
    return await work();
  } finally {
    while (made !== undefined && folder.startsWith(made) && (await removeEmpty(folder))) folder = dirname(folder);
  }
}

const removeEmpty = (folder: string): Promise<boolean> =>
  rmdir(folder).then(
    () => true,
    () => false,
  );
