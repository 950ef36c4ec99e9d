import { randomBytes } from 'node:crypto';
import { lstat, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { check } from '@protomem/core';

/**
 * Makes a file or folder that is there whole or not at all: `write` fills a temporary one beside it, which is renamed at
 * the end, and removed on any failure.
 *
 * @throws {ProtomemError} when something is at `path` already.
 */
export async function intoNew(where: string, path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  check(there === undefined, () => ({
    where,
    what: path,
    got: 'there already',
    expected: 'a new path: nothing is overwritten',
    fix: 'Name another one, or remove it first.',
  }));
  const target = resolve(path);
  await mkdir(dirname(target), { recursive: true });
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
  try {
    await write(temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}
