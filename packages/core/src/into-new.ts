import { lstat, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { check } from './errors.ts';
import { refuseHeld, withLock } from './lock.ts';
import { sweepTemporary, temporaryPath } from './temporary.ts';

/**
 * Makes a file or folder that is there whole or not at all: `write` fills a temporary one beside it, which is renamed at
 * the end, and removed on any failure. What a kill left of an earlier one is removed first.
 *
 * @throws {ProtomemError} when something is at `path` already, or another process is making it.
 */
export async function intoNew(where: string, path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  await checkNew(where, path);
  const target = resolve(path);
  const [folder, name] = [dirname(target), basename(target)];
  await mkdir(folder, { recursive: true });
  await withLock(join(folder, `.${name}.lock`), refuseHeld(where, path), async () => {
    await checkNew(where, path);
    await sweepTemporary(folder, { of: name });
    const temporary = temporaryPath(target);
    try {
      await write(temporary);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  });
}

async function checkNew(where: string, path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  check(there === undefined, () => ({
    where,
    what: path,
    got: 'there already',
    expected: 'a new path: nothing is overwritten',
    fix: 'Name another one, or remove it first.',
  }));
}
