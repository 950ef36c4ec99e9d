import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { check, endingReason, type ImageSource, ProtomemError, Remarks, unreadReasons } from '@protomem/core';
import { imageExtensions, isImageFile } from '../../sources/image-files.ts';
import { naturalOrder } from '../../sources/natural-order.ts';
import { shared } from '../../sources/shared.ts';
import { StringTableBuilder } from '../../sources/string-table.ts';
import { sourceOfIndex } from './folder-index.ts';

/** Folders read at a time: enough to keep a network disk busy, far below any limit on open files. */
const READS_AT_A_TIME = 16;
const passedOver = 'passed over';

/**
 * The images of a folder with one folder per identity: `dir/<identity>/<image>`. Identities are numbered in the natural
 * order of their names (`id2` before `id10`), images of one likewise; so the numbers are the same wherever the folder
 * has the same names. Symbolic links are followed. Files with other endings than {@link imageExtensions}, hidden names,
 * images outside any identity's folder, deeper folders, and folders that may not be read are passed over: the source's
 * `remarks` count them.
 *
 * Reads each identity's folder once and no file; keeps the names in shared memory (their bytes and 8 more each), which
 * worker threads use without a copy.
 *
 * @param dir the folder.
 * @throws {ProtomemError} when the folder is missing, is a file, or has no identity with images; when a folder cannot be
 * read for another reason than its permissions, since a disk that fails would be a smaller data set.
 *
 * @example
 * ```ts
 * const source = await folderSource('lfw');
 * console.log(source.identities, source.identityName(0), source.imagesOf(0));
 * ```
 */
export async function folderSource(dir: string): Promise<ImageSource> {
  const where = 'folderSource';
  const remarks = new Remarks();
  const entries = await readdir(dir, { withFileTypes: true }).catch((error) => refuseFolder(where, dir, error));

  const candidates: string[] = [];
  let loose = 0;
  const linked: string[] = [];
  for (const { name, kind } of entries.map(kindOf).sort((a, b) => naturalOrder(a.name, b.name))) {
    if (name.startsWith('.')) remarks.add(passedOver, unreadReasons.hidden, name);
    else if (kind === 'folder' || kind === 'link') candidates.push(name);
    else if (kind === 'file' && isImageFile(name)) {
      loose++;
      remarks.add(passedOver, LOOSE, name);
    } else remarks.add(passedOver, kind === 'file' ? endingReason(name) : unreadReasons.special, name);
  }
  const identities = new StringTableBuilder();
  const files = new StringTableBuilder();
  const fileEnds: number[] = [];
  for (let start = 0; start < candidates.length; start += READS_AT_A_TIME) {
    const names = candidates.slice(start, start + READS_AT_A_TIME);
    const lists = await Promise.all(names.map((name) => entriesOf(where, join(dir, name))));
    for (const [i, list] of lists.entries()) {
      const name = names[i]!;
      if (typeof list === 'string') {
        if (list === NO_FOLDER && isImageFile(name)) linked.push(name);
        remarks.add(passedOver, list === NO_FOLDER ? (isImageFile(name) ? LOOSE : endingReason(name)) : list, name);
        continue;
      }
      const images = imagesIn(name, list, remarks);
      if (images.length === 0) {
        remarks.add(passedOver, 'folders without images', name);
        continue;
      }
      identities.push(name);
      for (const file of images) files.push(file);
      fileEnds.push(files.length);
    }
  }
  check(identities.length >= 1, () => {
    const outside = loose + linked.length;
    const seen = [
      `${candidates.length - linked.length} folder(s)`,
      outside > 0 ? `${outside} image(s) outside any` : '',
      `${identities.length} with images`,
    ];
    return {
      where,
      what: dir,
      got: `a folder with ${entries.length === 0 ? 'nothing in it' : seen.filter(Boolean).join(', ')}`,
      expected: `one folder of images for each identity: ${join(dir, '<identity>', '<image>.jpg')}`,
      fix: `Images are files that end in ${imageExtensions.join(', ')}.`,
    };
  });
  return sourceOfIndex({
    dir,
    identities: identities.build(),
    fileEnds: shared(fileEnds),
    files: files.build(),
    remarks: remarks.list(),
  });
}

/** The images of one folder, whoever is on them, as one identity that is called as the folder is. */
export async function flatFolderSource(dir: string): Promise<ImageSource> {
  const where = 'flatFolderSource';
  const [parent, name] = [dirname(resolve(dir)), basename(resolve(dir))];
  const entries = await readdir(dir, { withFileTypes: true }).catch((error) => refuseFolder(where, dir, error));
  const remarks = new Remarks();
  const images = imagesIn(name, entries, remarks);
  check(images.length > 0, () => ({
    where,
    what: dir,
    got: 'a folder without images',
    expected: 'images in it, or one folder of images for each identity',
    fix: `Images are files that end in ${imageExtensions.join(', ')}.`,
  }));
  const files = new StringTableBuilder();
  for (const file of images) files.push(file);
  const identities = new StringTableBuilder();
  identities.push(name);
  const index = {
    dir: parent,
    identities: identities.build(),
    fileEnds: shared([images.length]),
    files: files.build(),
  };
  return sourceOfIndex({ ...index, remarks: remarks.list() });
}

const LOOSE = "images outside any identity's folder";
/** Of a link: it leads to a file. */
const NO_FOLDER = 'files';

interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'special';
}

function kindOf(entry: Dirent): Entry {
  const { name } = entry;
  if (entry.isDirectory()) return { name, kind: 'folder' };
  if (entry.isSymbolicLink()) return { name, kind: 'link' };
  const special = entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice();
  return { name, kind: special ? 'special' : 'file' };
}

/** Image files of an identity's folder, in order. */
function imagesIn(folder: string, entries: readonly Dirent[], remarks: Remarks): string[] {
  const images: string[] = [];
  for (const { name, kind } of entries.map(kindOf).sort((a, b) => naturalOrder(a.name, b.name))) {
    const place = `${folder}/${name}`;
    if (name.startsWith('.')) remarks.add(passedOver, unreadReasons.hidden, place);
    else if (kind === 'folder') remarks.add(passedOver, "folders in an identity's folder", place);
    else if (kind === 'special') remarks.add(passedOver, unreadReasons.special, place);
    else if (isImageFile(name)) images.push(name);
    else remarks.add(passedOver, endingReason(name), place);
  }
  return images;
}

/** What is in a folder; or, where it is none or may not be read, what to call it. */
async function entriesOf(where: string, path: string): Promise<Dirent[] | string> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') return NO_FOLDER;
    if (code === 'ENOENT' || code === 'ELOOP') return unreadReasons.nowhere;
    if (code === 'EACCES' || code === 'EPERM') return unreadReasons.forbidden;
    return refuseFolder(where, path, error);
  }
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
