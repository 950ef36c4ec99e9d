import type { DatasetFormat } from '../dataset-format.ts';
import { isRecordIo, recordIoSource } from './record-io-source.ts';
import { writeRecordIo } from './write-record-io.ts';

export const recordIo: DatasetFormat = {
  help: 'a .rec file of MXNet, or a folder with one',
  recognize: ({ path, kind, entries }) => (kind === 'folder' ? entries.some(isRecordIo) : isRecordIo(path)),
  open: recordIoSource,
  write: writeRecordIo,
};
