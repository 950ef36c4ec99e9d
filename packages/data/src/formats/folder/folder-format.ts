import type { DatasetFormat } from '../dataset-format.ts';
import { folderSource } from './folder-source.ts';
import { writeFolder } from './write-folder.ts';

export const folder: DatasetFormat = {
  help: 'a folder with one folder of images for each identity',
  recognize: ({ kind }) => kind === 'folder',
  open: folderSource,
  write: writeFolder,
};
