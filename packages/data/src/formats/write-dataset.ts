import { type ImageSource, lookUp } from '@protomem/core';
import type { WriteOptions } from './each-image.ts';
import { writeList } from './list/write-list.ts';
import { writeLmdb } from './lmdb/write-lmdb.ts';
import { writeRecordIo } from './record-io/write-record-io.ts';
import { writeWebDataset } from './web-dataset/write-web-dataset.ts';
import { writeFolder } from './write-folder.ts';

type DatasetWriter = (source: ImageSource, path: string, options: WriteOptions) => Promise<void>;

/** Writers by the name of their format. */
const datasetWriters = {
  folder: writeFolder,
  list: writeList,
  lmdb: writeLmdb,
  recordio: writeRecordIo,
  webdataset: writeWebDataset,
} as const satisfies Readonly<Record<string, DatasetWriter>>;

/** Formats that `writeDataset` writes. */
export type WritableFormatName = keyof typeof datasetWriters;

/** Their names, for help texts. */
export const writableFormats = Object.keys(datasetWriters) as readonly WritableFormatName[];

/**
 * Writes a source in a format by name, with identities and images in the same order and bytes unchanged. The writers
 * themselves have more options.
 *
 * @param path is made; nothing may be there.
 *
 * @example
 * ```ts
 * await writeDataset(await openDataset('faces'), 'faces-rec', { format: 'recordio' });
 * ```
 */
export async function writeDataset(
  source: ImageSource,
  path: string,
  options: WriteOptions & { readonly format: WritableFormatName },
): Promise<void> {
  await lookUp<DatasetWriter>('writeDataset', 'format', datasetWriters, options.format)(source, path, options);
}
