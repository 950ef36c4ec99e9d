import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** Endings of the files that are taken for photos. */
export const photoExtensions: readonly string[] = ['.jpg', '.jpeg', '.png', '.webp', '.avif', '.gif', '.tif', '.tiff'];

/** A file below the folder, or one that is not taken for a photo. */
export interface FoundFile {
  /** Path below the folder, with `/` between its parts. */
  readonly file: string;
  /** Path of the aligned image below its folder, without ending; undefined when it is no photo. */
  readonly output?: string;
}

/**
 * All files below a folder, folder by folder, each in the order of the names' code units: only one folder's names are
 * held. Hidden files are passed over; symbolic links are followed, except to a folder that they lie in.
 *
 * Photos that differ in their endings alone keep them in the output's name: `a.jpg` and `a.png` become `a.jpg.*`, `a.png.*`.
 */
export async function* photoFiles(dir: string): AsyncGenerator<FoundFile> {
  yield* visit(dir, '', []);
}

async function* visit(dir: string, below: string, above: readonly string[]): AsyncGenerator<FoundFile> {
  const here = await realpath(dir);
  if (above.includes(here)) return;
  const entries = (await readdir(dir, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'));
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of entries) {
    const target = entry.isSymbolicLink() ? await stat(join(dir, entry.name)).catch(() => undefined) : entry;
    if (target?.isDirectory()) folders.push(entry.name);
    else if (target?.isFile()) files.push(entry.name);
  }
  const stems = new Map<string, number>();
  const isPhoto = (name: string): boolean => photoExtensions.includes(extname(name).toLowerCase());
  // Without case, because some file systems do not tell `A.jpg` from `a.jpg`.
  const stemOf = (name: string): string => name.slice(0, -extname(name).length);
  const photos = files.filter(isPhoto);
  for (const name of photos) stems.set(stemOf(name).toLowerCase(), (stems.get(stemOf(name).toLowerCase()) ?? 0) + 1);
  for (const name of files.sort()) {
    if (!isPhoto(name)) yield { file: below + name };
    else {
      const alone = stems.get(stemOf(name).toLowerCase()) === 1;
      yield { file: below + name, output: below + (alone ? stemOf(name) : name) };
    }
  }
  for (const name of folders.sort()) yield* visit(join(dir, name), `${below}${name}/`, [...above, here]);
}
