import { join } from 'node:path';
import type { ImageSource, SourceImage, SourceRemark } from '@protomem/core';
import { builtInSpec } from '../../sources/built-in-spec.ts';
import { groupedBy } from '../../sources/grouped-by.ts';
import { readFile } from '../../sources/read-file.ts';
import { type StringTable, stringAt } from '../../sources/string-table.ts';
import { builtIn } from '../../sources/thread-spec.ts';

/** What a folder of identities holds: enough to open any image without looking into the folder again. */
export interface FolderIndex {
  readonly dir: string;
  /** Folder names, by identity. */
  readonly identities: StringTable;
  /** Number of files up to and with each identity. */
  readonly fileEnds: Float64Array;
  /** File names, identity after identity. */
  readonly files: StringTable;
  readonly remarks: readonly SourceRemark[];
}

/** The source that an index describes. */
export function sourceOfIndex(index: FolderIndex): ImageSource {
  const { dir, identities, fileEnds, files, remarks } = index;
  const { imagesOf, at } = groupedBy(dir, fileEnds);
  return builtIn({
    name: dir,
    spec: builtInSpec('sourceOfIndex', index),
    identities: fileEnds.length,
    imageEnds: fileEnds,
    remarks,
    imagesOf,
    identityName: (identity) => stringAt(identities, identity),
    async load(identity, image): Promise<SourceImage> {
      const name = join(dir, stringAt(identities, identity), stringAt(files, at(identity, image)));
      return { name, bytes: await readFile(name) };
    },
  });
}
