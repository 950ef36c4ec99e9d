import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageSource, readOptions } from '@protomem/core';
import { intoNew } from '@protomem/core/node';
import { eachImage, type NamedImage, type WriteOptions, writeOptions } from '../each-image.ts';
import { orderedNames, withEnding } from '../file-names.ts';

/**
 * Writes a source as a folder with one folder of images for each identity, which `folderSource` numbers as the source
 * does. Names stay where they are unique, in natural order, and any file system takes them; else they get a number in
 * front. Endings follow from the bytes, which are not changed.
 *
 * @param dir is made; nothing may be there.
 * @throws {ProtomemError} when `dir` exists or an image cannot be read; nothing is left then.
 *
 * @example
 * ```ts
 * await writeFolder(await recordIoSource('faces_emore'), 'faces');
 * ```
 */
export async function writeFolder(source: ImageSource, dir: string, options: WriteOptions = {}): Promise<void> {
  const where = 'writeFolder';
  const progress = readOptions(where, writeOptions, options);
  await intoNew(where, dir, (temporary) => fillFolder(source, temporary, progress));
}

/**
 * The same, without protection of what is there.
 *
 * @param onImage called for each image in order, with its path in the folder, `/` between.
 */
export async function fillFolder(
  source: ImageSource,
  dir: string,
  options: WriteOptions,
  onImage?: (identity: number, path: string) => Promise<void>,
): Promise<void> {
  const folders = orderedNames(Array.from({ length: source.identities }, (_, i) => source.identityName(i)));
  await mkdir(dir);
  let images: NamedImage[] = [];
  const flush = async (): Promise<void> => {
    if (images.length === 0) return;
    const { identity } = images[0]!;
    const folder = folders[identity]!;
    await mkdir(join(dir, folder));
    const names = orderedNames(images.map(({ name }) => name));
    for (const [i, { bytes }] of images.entries()) {
      const path = `${folder}/${withEnding(names[i]!, bytes)}`;
      await writeFile(join(dir, path), bytes);
      await onImage?.(identity, path);
    }
    images = [];
  };
  for await (const image of eachImage(source, options)) {
    if (images[0]?.identity !== image.identity) await flush();
    images.push(image);
  }
  await flush();
}
