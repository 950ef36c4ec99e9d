import type { DatasetFormat } from '../dataset-format.ts';
import { isList, LIST_NAME, listOptions, listSource } from './list-source.ts';
import { writeList } from './write-list.ts';

export const list: DatasetFormat = {
  help: `a .csv, .tsv or .lst file that names images, or a folder with ${LIST_NAME}`,
  recognize: ({ path, kind, entries }) => (kind === 'folder' ? entries.includes(LIST_NAME) : isList(path)),
  options: listOptions,
  open: listSource,
  write: writeList,
};
