import { readdir, stat } from 'node:fs/promises';
import { type ImageSource, lookUp, ProtomemError } from '@protomem/core';
import { folderSource } from '../sources/folder-source.ts';
import { isList, LIST_NAME, listSource } from './list/list-source.ts';
import { DATA_FILE, isLmdb, lmdbSource } from './lmdb/lmdb-source.ts';
import { isRecordIo, recordIoSource } from './record-io/record-io-source.ts';
import { isShard } from './web-dataset/shard-paths.ts';
import { webDatasetSource } from './web-dataset/web-dataset-source.ts';

/** What lies at a path; enough for most formats to tell whether it is theirs. */
interface DatasetPath {
  readonly path: string;
  /** `missing` for a pattern that names several files, too. */
  readonly kind: 'file' | 'folder' | 'missing';
  /** Names of what is in the folder; none for a file. */
  readonly entries: readonly string[];
}

/** A way to keep images of identities. */
interface DatasetFormat {
  /** What it looks like, in a few words. */
  readonly about: string;
  recognize(at: DatasetPath): boolean;
  open(path: string): Promise<ImageSource>;
}

/** Formats by name; the first that recognizes a path opens it. */
const datasetFormats = {
  recordio: {
    about: 'a .rec file of MXNet, or a folder with one',
    recognize: ({ path, kind, entries }) => (kind === 'folder' ? entries.some(isRecordIo) : isRecordIo(path)),
    open: recordIoSource,
  },
  webdataset: {
    about: 'a .tar file, a folder of them, or a pattern such as faces-{000000..000127}.tar',
    recognize: ({ path, kind, entries }) => (kind === 'folder' ? entries.some(isShard) : isShard(path)),
    open: webDatasetSource,
  },
  list: {
    about: `a .csv, .tsv or .lst file that names images, or a folder with ${LIST_NAME}`,
    recognize: ({ path, kind, entries }) => (kind === 'folder' ? entries.includes(LIST_NAME) : isList(path)),
    open: listSource,
  },
  lmdb: {
    about: `an LMDB environment: a folder with ${DATA_FILE}, or a file .lmdb or .mdb`,
    recognize: ({ path, kind, entries }) => (kind === 'folder' ? entries.includes(DATA_FILE) : isLmdb(path)),
    open: lmdbSource,
  },
  folder: {
    about: 'a folder with one folder of images for each identity',
    recognize: ({ kind }) => kind === 'folder',
    open: folderSource,
  },
} as const satisfies Readonly<Record<string, DatasetFormat>>;

/** Formats that `openDataset` reads. */
export type DatasetFormatName = keyof typeof datasetFormats;

/**
 * Opens a data set of any format that protomem reads.
 *
 * @param path of a file or folder.
 * @param options.format its format by name. Default: found out from what is there.
 * @throws {ProtomemError} when nothing is there, no format fits, or what is there is not what it seems to be.
 *
 * @example
 * ```ts
 * const source = await openDataset('faces');
 * console.log(source.identities);
 * ```
 */
export async function openDataset(
  path: string,
  options: { readonly format?: DatasetFormatName } = {},
): Promise<ImageSource> {
  const format = options.format ?? (await recognize(path));
  return lookUp<DatasetFormat>('openDataset', 'format', datasetFormats, format).open(path);
}

async function recognize(path: string): Promise<DatasetFormatName> {
  const at = await lookAt(path);
  const formats: [string, DatasetFormat][] = Object.entries(datasetFormats);
  const found = formats.find(([, format]) => format.recognize(at));
  if (found) return found[0] as DatasetFormatName;
  throw new ProtomemError({
    where: 'openDataset',
    what: path,
    got: at.kind === 'missing' ? 'missing' : `a ${at.kind} of no known format`,
    expected: formats.map(([name, { about }]) => `${name} (${about})`).join(', '),
    fix: /\.bin$/i.test(path)
      ? 'A verification set of InsightFace says which images are of one person, but not of whom: open it with readVerificationBin.'
      : undefined,
  });
}

async function lookAt(path: string): Promise<DatasetPath> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) return { path, kind: 'folder', entries: await readdir(path) };
  return { path, kind: there ? 'file' : 'missing', entries: [] };
}
