import type { DatasetFormat } from '../dataset-format.ts';
import { isShard } from './shard-paths.ts';
import { webDatasetOptions, webDatasetSource } from './web-dataset-source.ts';
import { writeWebDataset } from './write-web-dataset.ts';

export const webDataset: DatasetFormat = {
  help: 'a .tar file, a folder of them, or a pattern such as faces-{000000..000127}.tar',
  recognize: ({ path, kind, entries }) => (kind === 'folder' ? entries.some(isShard) : isShard(path)),
  options: webDatasetOptions,
  open: webDatasetSource,
  write: writeWebDataset,
};
