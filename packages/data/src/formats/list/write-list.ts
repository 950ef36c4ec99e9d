import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageSource, readOptions, tableRow } from '@protomem/core';
import { intoNew } from '@protomem/core/node';
import { type WriteOptions, writeOptions } from '../each-image.ts';
import { fillFolder } from '../folder/write-folder.ts';
import { OutFile } from '../out-file.ts';
import { LIST_NAME } from './list-source.ts';

/**
 * Writes a source as a list and the images that it names: `dir/list.csv` with columns `path`, `identity` and `label` (number
 * of the identity), and `dir/images/<identity>/<image>`. Files are named as {@link writeFolder} does; names of identities
 * come back from the list as they are, whatever they hold; in it, control characters are escaped, and names that a spreadsheet
 * would run as a formula stand behind a `'` (`tableRow` of `@protomem/core`). Bytes of images are not changed.
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
        await list.write(Buffer.from(tableRow([`images/${path}`, source.identityName(identity), identity], ',')));
      });
      await list.finish();
    } finally {
      await list.close();
    }
  });
}
