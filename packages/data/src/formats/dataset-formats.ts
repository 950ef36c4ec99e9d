import type { DatasetFormat } from './dataset-format.ts';
import { folder } from './folder/folder-format.ts';
import { list } from './list/list-format.ts';
import { lmdb } from './lmdb/lmdb-format.ts';
import { recordIo } from './record-io/record-io-format.ts';
import { webDataset } from './web-dataset/web-dataset-format.ts';

/** Formats by name; the first that recognizes a path opens it. */
export const datasetFormats = {
  recordio: recordIo,
  webdataset: webDataset,
  list,
  lmdb,
  folder,
} as const satisfies Readonly<Record<string, DatasetFormat>>;

/** A name of a format in {@link datasetFormats}. */
export type DatasetFormatName = keyof typeof datasetFormats;
