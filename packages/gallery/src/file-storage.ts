import { existsSync } from 'node:fs';
import { constants, type FileHandle, mkdir, open, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { check, type OptionsOf, option, ProtomemError, readOptions, shellWord } from '@protomem/core';
import { refuseHeld, replaceFile, sweepTemporary, systemReason, withLock } from '@protomem/core/node';
import { FORMAT } from './format.ts';
import type { GalleryStorage } from './storage.ts';

const fileStorageOptions = {
  readOnly: option.flag({
    help: 'Write nothing and hold no lock: for as many processes as there are, beside the one that writes.',
    default: false,
  }),
};

/** Bytes read at a time. */
const PIECE = 2 ** 22;

/**
 * Keeps a gallery in one file. Whoever writes holds the lock `.NAME.lock` beside it until the gallery is closed: one process at a
 * time, and a dead one's lock is taken over. Every write is on the disk (fsync) before it counts as done.
 *
 * @param path of the file; its folder is made.
 * @throws ProtomemError when another process writes, or the file cannot be read or written.
 *
 * @example
 * ```ts
 * const gallery = await openGallery(await fileStorage('people.gallery'), { width: 512, model });
 * ```
 */
export async function fileStorage(
  path: string,
  options: OptionsOf<typeof fileStorageOptions> = {},
): Promise<GalleryStorage> {
  const { readOnly } = readOptions('fileStorage', fileStorageOptions, options);
  // A link leads to the same file, with the same lock.
  const target = await realpath(path).catch(() => behindLinks(path));
  const [folder, name] = [dirname(target), basename(target)];
  const found = await stat(target).catch(() => undefined);
  if (found && !found.isFile()) {
    const [got, expected] = [found.isDirectory() ? 'a folder' : 'no file', 'the file of a gallery'];
    throw new ProtomemError({ where: 'fileStorage', what: path, got, expected });
  }
  const failed = (doing: string) => (error: unknown) => {
    if (error instanceof ProtomemError) throw error;
    const got = `not to be ${doing} (${systemReason(error)})`;
    throw new ProtomemError(
      { where: 'fileStorage', what: path, got, expected: 'a file on a healthy disk' },
      { cause: error },
    );
  };
  if (!readOnly) await mkdir(folder, { recursive: true }).catch(failed('written'));
  const release = readOnly ? undefined : await hold(folder, name, path);
  let file: FileHandle | undefined;
  /** Where the last whole record ends; beyond may be what a failed write left. */
  let end = 0;
  let broken = false;

  async function append(bytes: Uint8Array): Promise<void> {
    if (broken) {
      const [got, expected] = ['not as it was after a write that failed', 'a gallery to go on with'];
      throw new ProtomemError({ where: 'fileStorage', what: path, got, expected, fix: 'Close it and open it again.' });
    }
    try {
      file ??= await open(target, constants.O_RDWR);
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, end + done)).bytesWritten;
      }
      await file.datasync();
    } catch (error) {
      // What follows must stand behind the last whole record.
      await file?.truncate(end).catch(() => {
        broken = true;
      });
      broken ||= file === undefined;
      throw error;
    }
    end += bytes.length;
  }

  return {
    name: path,
    readOnly,
    async *read() {
      end = 0;
      let reading: FileHandle;
      try {
        reading = await open(target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
        return failed('read')(error);
      }
      try {
        for (;;) {
          const piece = new Uint8Array(PIECE);
          const { bytesRead } = await reading.read(piece, 0, PIECE).catch(failed('read'));
          if (bytesRead === 0) return;
          end += bytesRead;
          yield piece.subarray(0, bytesRead);
        }
      } finally {
        await reading.close();
      }
    },
    append: (bytes) => append(bytes).catch(failed('written')),
    async replace(pieces) {
      let length = 0;
      await replaceFile(target, async (temporary) => {
        for (const piece of pieces) {
          await temporary.writeFile(piece);
          length += piece.length;
        }
      }).catch(failed('written'));
      end = length;
      await file?.close();
      file = undefined;
      broken = false;
    },
    async close() {
      await file?.close();
      file = undefined;
      await release?.();
    },
  };
}

/** Where a link leads that nothing is behind yet. */
async function behindLinks(path: string, most = 40): Promise<string> {
  const next = await readlink(path).catch(() => undefined);
  return next === undefined || most === 0 ? resolve(path) : behindLinks(resolve(dirname(path), next), most - 1);
}

/** Takes a lock and keeps it. @returns what lets go of it. */
async function hold(folder: string, name: string, path: string): Promise<() => Promise<void>> {
  let letGo: () => void = () => undefined;
  const over = new Promise<void>((done) => {
    letGo = done;
  });
  return new Promise((taken, refused) => {
    const held: Promise<void> = withLock(join(folder, `.${name}.lock`), refuseHeld('gallery', path), async () => {
      // Of a process that was killed while it wrote the gallery anew.
      await sweepTemporary(folder, { of: name });
      taken(async () => {
        letGo();
        await held;
      });
      await over;
    });
    held.catch(refused);
  });
}

/**
 * Refuses a path at which nothing is, before a model is loaded to search in it. A pattern stands for several files of a data set, of
 * which none is called like it.
 */
export function checkGalleryThere(where: string, path: string): void {
  check(existsSync(path) || path.includes('{'), () => ({
    where,
    what: `--gallery ${path}`,
    got: 'missing',
    expected: 'a gallery, or a data set of known people',
    fix: `Make one: protomem enrol PHOTOS --gallery ${shellWord(path)} --model MODEL.`,
  }));
}

/** Whether a path is the file of a gallery, as far as its first bytes tell. */
export async function isGalleryFile(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    return buffer.subarray(0, bytesRead).includes(`"format":"${FORMAT}"`);
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
