import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageSource, readOptions } from '@protomem/core';
import { type WriteOptions, writeOptions } from '../each-image.ts';
import { fillFolder } from '../folder/write-folder.ts';
import { intoNew } from '../into-new.ts';
import { OutFile } from '../out-file.ts';
import { LIST_NAME } from './list-source.ts';

/**
 * Writes a source as a list and the images that it names: `dir/list.csv` with columns `path`, `identity` and `label` (number
 * of the identity), and `dir/images/<identity>/<image>`. Files are named as {@link writeFolder} does; names of identities
 * stay as they are in the list. Bytes of images are not changed.
 *
 * @param dir is made; nothing may be there.
 * @throws {ProtomemError} when `dir` exists or an image cannot be read; nothing is left then.
 *
 * @example
 * ```ts
 * await writeList(await recordIoSource('faces_emore'), 'faces');
 * ```
 */
export async function writeList(source: ImageSource, dir: string, options: WriteOptions = {}): Promise<void> {
  const where = 'writeList';
  const progress = readOptions(where, writeOptions, options);
  await intoNew(where, dir, async (temporary) => {
    await mkdir(temporary);
    const list = await OutFile.create(join(temporary, LIST_NAME));
    try {
      await list.write(Buffer.from('path,identity,label\n'));
      await fillFolder(source, join(temporary, 'images'), progress, async (identity, path) => {
        const row = [`images/${path}`, source.identityName(identity), String(identity)];
        await list.write(Buffer.from(`${row.map(quoted).join(',')}\n`));
      });
      await list.finish();
    } finally {
      await list.close();
    }
  });
}

/** A field, in quotes where it needs them. */
function quoted(field: string): string {
  return /[",\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
