import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { check, type ImageSource, type OptionsOf, option, readOptions } from '@protomem/core';
import { checkFiles } from './check-files.ts';
import { listColumns } from './list-columns.ts';
import { sourceOfList } from './list-index.ts';
import { parseList } from './parse-list.ts';

/** @internal */
export const listOptions = {
  root: option.text({ help: 'Folder that paths are relative to, and must not leave.', absent: 'that of the list' }),
  columns: option.given<OptionsOf<typeof listColumns>>()({
    help: 'Names of the columns, where the heading has unusual ones.',
    default: {},
  }),
};

/** Name of the list in a folder that {@link writeList} made. */
export const LIST_NAME = 'list.csv';

/**
 * The images that a list names:
 * - `.csv`, `.tsv`: a heading, then rows; fields may be quoted. One column has the path, one or two the identity: its
 *   `label` (number), its name, or both.
 * - `.lst` of MXNet's im2rec: index, label and path, tabs between, no heading.
 * - `.lst` of InsightFace and `train.tsv` of CVLface: number, path and label, likewise.
 *
 * Identities are ordered by label where all labels are numbers, else by name in natural order; images of one as in the
 * list. Paths use `/` or `\`, are relative to `root`, and must stay within it; absolute ones that do are taken, too. Where
 * `root` is given, absolute paths may begin with the folders that it had on another machine. Paths with a zero byte or with names of Windows' devices are refused. Every file is looked for here; none is opened before
 * its image is loaded.
 *
 * @param path of the list, or of a folder with `list.csv`.
 * @throws {ProtomemError} with the line when a row is damaged or names a path that is refused; with the number of them and
 * the first ones when rows name missing files.
 *
 * @example
 * ```ts
 * const source = await listSource('train.lst', { root: 'images' });
 * ```
 *
 * Source: MXNet, tools/im2rec.py; CVLface, bundle_images_into_rec.py.
 */
export async function listSource(path: string, options: OptionsOf<typeof listOptions> = {}): Promise<ImageSource> {
  const { root, columns } = readOptions('listSource', listOptions, options);
  const named = readOptions('listSource: columns', listColumns, columns);
  const there = await stat(path).catch(() => undefined);
  const file = there?.isDirectory() ? join(path, LIST_NAME) : path;
  const list = there?.isDirectory() ? await stat(file).catch(() => undefined) : there;
  check(list?.isFile() === true && isList(file), () => ({
    where: 'listSource',
    what: file,
    got: !list ? 'missing' : list.isFile() ? 'a file with another ending' : 'no file',
    expected: `a .csv, .tsv or .lst file, or a folder with ${LIST_NAME}`,
  }));
  const moved = root !== undefined;
  const { index, ...rows } = await parseList(createReadStream(file), file, root ?? dirname(file), named, moved);
  const repeated = await checkFiles({ index, ...rows });
  return sourceOfList({ ...index, remarks: [...index.remarks, ...repeated] });
}

/** True for names of lists. */
export function isList(name: string): boolean {
  return /\.(csv|tsv|lst)$/i.test(name) && !basename(name).startsWith('.');
}
