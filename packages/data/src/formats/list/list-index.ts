import { join } from 'node:path';
import type { ImageSource, SourceImage, SourceRemark } from '@protomem/core';
import { builtInSpec } from '../../sources/built-in-spec.ts';
import { groupedBy } from '../../sources/grouped-by.ts';
import { readFile } from '../../sources/read-file.ts';
import { type StringTable, stringAt } from '../../sources/string-table.ts';
import { builtIn } from '../../sources/thread-spec.ts';

/** Image files of a list, grouped by identity, in shared memory. */
export interface ListIndex {
  /** Path of the list. */
  readonly name: string;
  /** What paths are relative to. */
  readonly root: string;
  /** Names of the identities. */
  readonly identities: StringTable;
  /** Number of images up to and with each identity; paths below are in this order. */
  readonly imageEnds: Float64Array;
  readonly paths: StringTable;
  readonly remarks: readonly SourceRemark[];
}

/** The source that an index describes. */
export function sourceOfList(index: ListIndex): ImageSource {
  const { name, root, identities, imageEnds, paths, remarks } = index;
  const { imagesOf, at } = groupedBy(name, imageEnds);
  return builtIn({
    name,
    spec: builtInSpec('sourceOfList', index),
    identities: imageEnds.length,
    imageEnds,
    remarks,
    imagesOf,
    identityName: (identity) => stringAt(identities, identity),
    async load(identity, image): Promise<SourceImage> {
      const path = join(root, stringAt(paths, at(identity, image)));
      return { name: path, bytes: await readFile(path) };
    },
  });
}
