import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageSource } from '@protomem/core';
import { eachImage, type NamedImage, type WriteOptions } from './each-image.ts';
import { orderedNames, withEnding } from './file-names.ts';
import { intoNew } from './into-new.ts';

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
  const folders = orderedNames(Array.from({ length: source.identities }, (_, i) => source.identityName(i)));
  await intoNew('writeFolder', dir, async (temporary) => {
    await mkdir(temporary);
    let images: NamedImage[] = [];
    const flush = async (): Promise<void> => {
      if (images.length === 0) return;
      const folder = join(temporary, folders[images[0]!.identity]!);
      await mkdir(folder);
      const names = orderedNames(images.map(({ name }) => name));
      for (const [i, { bytes }] of images.entries()) await writeFile(join(folder, withEnding(names[i]!, bytes)), bytes);
      images = [];
    };
    for await (const image of eachImage(source, options)) {
      if (images[0]?.identity !== image.identity) await flush();
      images.push(image);
    }
    await flush();
  });
}
