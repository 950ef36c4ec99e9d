import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { endingReason, imageEndings, ProtomemError, unreadReasons } from '@protomem/core';
import sharp from 'sharp';

/** Endings of the files that are taken for photos: those that sources of `@protomem/data` take for images. */
export const photoExtensions: readonly string[] = imageEndings({ ...sharp.format });

/** A photo below the folder, or something that is not taken for one. */
export type FoundFile = {
  /** Path below the folder, with `/` between its parts. */
  readonly file: string;
} & (
  | {
      /** Path of the aligned image below its folder, without ending. */
      readonly output: string;
    }
  | {
      /** Why it is passed over. */
      readonly reason: string;
    }
);

/**
 * All files below a folder, folder by folder, each in the order of the names' code units: only one folder's names are
 * held. Symbolic links are followed, except to a folder that they lie in. Hidden names, other endings, links that lead
 * nowhere and folders that may not be read come with the reason why they are passed over.
 *
 * Photos that differ in their endings alone keep them in the output's name: `a.jpg` and `a.png` become `a.jpg.*`, `a.png.*`.
 * So does one whose name without ending is another's: `a.jpg.png` beside `a.jpg`.
 *
 * @throws {ProtomemError} when a folder cannot be read for another reason than its permissions.
 */
export async function* photoFiles(dir: string): AsyncGenerator<FoundFile> {
  yield* visit(dir, '', []);
}

async function* visit(dir: string, below: string, above: readonly string[]): AsyncGenerator<FoundFile> {
  const here = await realpath(dir).catch((error) => refuseFolder(dir, error));
  if (above.includes(here)) {
    yield { file: below, reason: 'links to a folder that they lie in' };
    return;
  }
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (below !== '' && (error.code === 'EACCES' || error.code === 'EPERM')) return undefined;
    return refuseFolder(dir, error);
  });
  if (!entries) {
    yield { file: below, reason: unreadReasons.forbidden };
    return;
  }
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of entries) {
    const file = below + entry.name;
    const target = entry.isSymbolicLink() ? await stat(join(dir, entry.name)).catch(() => undefined) : entry;
    if (entry.name.startsWith('.')) yield { file, reason: unreadReasons.hidden };
    else if (target?.isDirectory()) folders.push(entry.name);
    else if (target?.isFile()) files.push(entry.name);
    else yield { file, reason: target ? unreadReasons.special : unreadReasons.nowhere };
  }
  const stems = new Map<string, number>();
  const isPhoto = (name: string): boolean => photoExtensions.includes(extname(name).toLowerCase());
  // Without case, because some file systems do not tell `A.jpg` from `a.jpg`.
  const stemOf = (name: string): string => name.slice(0, -extname(name).length);
  const photos = files.filter(isPhoto);
  for (const name of photos) stems.set(stemOf(name).toLowerCase(), (stems.get(stemOf(name).toLowerCase()) ?? 0) + 1);
  const whole = new Set(photos.map((name) => name.toLowerCase()));
  for (const name of files.sort()) {
    if (!isPhoto(name)) yield { file: below + name, reason: endingReason(name) };
    else {
      const stem = stemOf(name).toLowerCase();
      const alone = stems.get(stem) === 1 && !whole.has(stem);
      yield { file: below + name, output: below + (alone ? stemOf(name) : name) };
    }
  }
  for (const name of folders.sort()) yield* visit(join(dir, name), `${below}${name}/`, [...above, here]);
}

function refuseFolder(dir: string, error: Error): never {
  const [got, expected] = [`unreadable (${error.message})`, 'a folder of photos that may be read'];
  throw new ProtomemError({ where: 'alignFolder', what: dir, got, expected }, { cause: error });
}
