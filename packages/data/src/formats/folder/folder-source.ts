import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { check, type ImageSource, ProtomemError } from '@protomem/core';
import { imageExtensions, isImageFile } from '../../sources/image-files.ts';
import { naturalOrder } from '../../sources/natural-order.ts';
import { StringTableBuilder, shared } from '../../sources/string-table.ts';
import { sourceOfIndex } from './folder-index.ts';

/** Folders read at a time: enough to keep a network disk busy, far below any limit on open files. */
const READS_AT_A_TIME = 16;

/**
 * The images of a folder with one folder per identity: `dir/<identity>/<image>`. Identities are numbered in the natural
 * order of their names (`id2` before `id10`), images of one likewise; so the numbers are the same wherever the folder
 * has the same names. Symbolic links are followed. Files with other endings than {@link imageExtensions}, hidden files
 * and deeper folders are passed over.
 *
 * Reads each identity's folder once and no file; keeps the names in shared memory (their bytes and 8 more each), which
 * worker threads use without a copy.
 *
 * @param dir the folder.
 * @throws {ProtomemError} when the folder is missing, is a file, or has fewer than two identities with images.
 *
 * @example
 * ```ts
 * const source = await folderSource('lfw');
 * console.log(source.identities, source.identityName(0), source.imagesOf(0));
 * ```
 */
export async function folderSource(dir: string): Promise<ImageSource> {
  const where = 'folderSource';
  const entries = await readdir(dir, { withFileTypes: true }).catch((error) => refuseFolder(where, dir, error));

  const candidates = entries
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
    .map((entry) => entry.name)
    .sort(naturalOrder);
  const identities = new StringTableBuilder();
  const files = new StringTableBuilder();
  const fileEnds: number[] = [];
  for (let start = 0; start < candidates.length; start += READS_AT_A_TIME) {
    const names = candidates.slice(start, start + READS_AT_A_TIME);
    const lists = await Promise.all(names.map((name) => imagesIn(join(dir, name))));
    for (const [i, list] of lists.entries()) {
      if (list.length === 0) continue;
      identities.push(names[i]!);
      for (const file of list) files.push(file);
      fileEnds.push(files.length);
    }
  }
  check(identities.length >= 2, () => {
    const loose = entries.filter((entry) => !entry.isDirectory() && isImageFile(entry.name)).length;
    const seen = [
      `${candidates.length} folder(s)`,
      loose > 0 ? `${loose} image(s) outside any` : '',
      `${identities.length} with images`,
    ];
    return {
      where,
      what: dir,
      got: `a folder with ${entries.length === 0 ? 'nothing in it' : seen.filter(Boolean).join(', ')}`,
      expected: `at least two identities, one folder each: ${join(dir, '<identity>', '<image>.jpg')}`,
      fix: `Images are files that end in ${imageExtensions.join(', ')}.`,
    };
  });
  return sourceOfIndex({ dir, identities: identities.build(), fileEnds: shared(fileEnds), files: files.build() });
}

/** Image files of an identity's folder, in order; none when it is a link to a file, or to nothing. */
async function imagesIn(path: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR' || code === 'ENOENT') return [];
    throw error;
  }
  const files = entries.filter((entry) => !entry.isDirectory() && isImageFile(entry.name));
  return files.map((entry) => entry.name).sort(naturalOrder);
}

async function refuseFolder(where: string, dir: string, error: unknown): Promise<never> {
  const there = await stat(dir).catch(() => undefined);
  throw new ProtomemError(
    {
      where,
      what: dir,
      got: there?.isFile() ? 'a file' : there ? `unreadable (${(error as Error).message})` : 'missing',
      expected: 'a folder with one folder of images per identity',
    },
    { cause: error },
  );
}
