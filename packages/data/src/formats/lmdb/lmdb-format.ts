import type { DatasetFormat } from '../dataset-format.ts';
import { DATA_FILE, isLmdb, lmdbSource } from './lmdb-source.ts';
import { writeLmdb } from './write-lmdb.ts';

export const lmdb: DatasetFormat = {
  help: `an LMDB environment: a folder with ${DATA_FILE}, or a file .lmdb or .mdb`,
  recognize: ({ path, kind, entries }) => (kind === 'folder' ? entries.includes(DATA_FILE) : isLmdb(path)),
  open: lmdbSource,
  write: writeLmdb,
};
