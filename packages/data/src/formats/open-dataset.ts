import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { check, type ImageSource, type OptionsOf, option, ProtomemError, Remarks, readOptions } from '@protomem/core';
import { fileSource } from '../sources/file-source.ts';
import { isImageFile } from '../sources/image-files.ts';
import type { DatasetFormat, DatasetPath } from './dataset-format.ts';
import { type DatasetFormatName, datasetFormats } from './dataset-formats.ts';
import { filesIn } from './files-in.ts';
import { flatFolderSource } from './folder/folder-source.ts';
import { listOptions } from './list/list-source.ts';
import { webDatasetOptions } from './web-dataset/web-dataset-source.ts';

/** How to open a data set; each option of a format is refused by the others. */
export const openOptions = {
  format: option.choice(datasetFormats, { help: 'Its format.', absent: 'found out from what is there' }),
  root: listOptions.root,
  columns: option.given<NonNullable<OptionsOf<typeof listOptions>['columns']>>()({
    help: 'Names of the columns of a list.',
    absent: 'the usual ones',
  }),
  identity: webDatasetOptions.identity,
};

/** How to open a data set. */
export type OpenOptions = OptionsOf<typeof openOptions>;

/**
 * Opens a data set of any format that protomem reads. What is not read is counted in the source's `remarks`
 * (`remarkLines` of `@protomem/core` turns them into lines).
 *
 * @param path of a file or folder.
 * @throws {ProtomemError} when nothing is there, no format fits, or what is there is not what it seems to be.
 *
 * @example
 * ```ts
 * const source = await openDataset('faces');
 * console.log(source.identities);
 * ```
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<ImageSource> {
  const { format, ...rest } = readOptions('openDataset', openOptions, options);
  const at = await lookAt(path);
  const name = format ?? recognize(at);
  const opener: DatasetFormat = datasetFormats[name];
  const given = refuseOthers(path, name, rest, opener.options);
  const source = await opener.open(path, Object.fromEntries(given)).catch((error: unknown) => {
    throw format === undefined ? withSign(error, name, at) : error;
  });
  const beside = name === 'folder' || name === 'list' ? [] : await imagesBeside(at, name);
  return beside.length === 0 ? source : { ...source, remarks: [...(source.remarks ?? []), ...beside] };
}

/**
 * Opens images of which nobody has to be known, as for embedding: a data set of any format, a folder of images as one
 * identity, or one image file.
 *
 * @throws {ProtomemError} as {@link openDataset}.
 *
 * @example
 * ```ts
 * const source = await openImages('photos-of-strangers');
 * ```
 */
export async function openImages(path: string, options: OpenOptions = {}): Promise<ImageSource> {
  const at = await lookAt(path);
  const { format, ...rest } = options;
  if (format === undefined && isImageFile(basename(path)) && at.kind === 'file') {
    refuseOthers(path, 'an image', rest);
    return fileSource([path]);
  }
  if (format === undefined && (await isFlatFolder(path))) {
    refuseOthers(path, 'a folder of images', rest);
    return flatFolderSource(path);
  }
  return openDataset(path, options);
}

/** The options that are given; refuses those that what is read as `name` does not have. */
function refuseOthers(path: string, name: string, options: object, known: object = {}): [string, unknown][] {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [key, value] of given) {
    check(Object.hasOwn(known, key), () => ({
      where: 'openDataset',
      what: key,
      got: value,
      expected: `nothing, since ${path} is read as ${name}, which has no such option`,
    }));
  }
  return given;
}

/** Whether a folder has images, and no folder that has: nothing in it says who is on which. */
export async function isFlatFolder(path: string): Promise<boolean> {
  const at = await lookAt(path);
  if (at.kind !== 'folder' || recognize(at) !== 'folder') return false;
  const entries = await readdir(path, { withFileTypes: true });
  if (!entries.some((entry) => !entry.isDirectory() && isImageFile(entry.name))) return false;
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    if ((await readdir(join(path, name)).catch(() => [])).some(isImageFile)) return false;
  }
  return true;
}

/** A folder that is taken for another format may hold people, too: one stray archive hides them all. */
async function imagesBeside({ path, kind }: DatasetPath, format: DatasetFormatName) {
  const remarks = new Remarks();
  if (kind !== 'folder') return [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const { name } = entry;
    const reason = entry.isDirectory() ? 'folders' : isImageFile(name) ? 'image files' : undefined;
    if (reason) remarks.add('passed over', `${reason} beside what is read as ${format}`, name);
  }
  return remarks.list();
}

/** An error that also says which file in a folder told the format: it may be there by chance. */
function withSign(error: unknown, name: DatasetFormatName, at: DatasetPath): unknown {
  const tells = (entries: readonly string[]): boolean => datasetFormats[name].recognize({ ...at, entries });
  const sign = tells([]) ? undefined : at.entries.find((entry) => tells([entry]));
  if (!(error instanceof ProtomemError) || sign === undefined) return error;
  const { fix, ...parts } = error.parts;
  const why = `Read as ${name} since ${sign} is there; \`format\` names another.`;
  return new ProtomemError({ ...parts, fix: fix ? `${fix} ${why}` : why }, { cause: error.cause });
}

function recognize(at: DatasetPath): DatasetFormatName {
  const { path } = at;
  const formats: [string, DatasetFormat][] = Object.entries(datasetFormats);
  const found = formats.find(([, format]) => format.recognize(at));
  if (found) return found[0] as DatasetFormatName;
  throw new ProtomemError({
    where: 'openDataset',
    what: path,
    got: at.kind === 'missing' ? 'missing' : `a ${at.kind} of no known format`,
    expected: formats.map(([name, { help }]) => `${name} (${help})`).join(', '),
    fix: /\.bin$/i.test(path)
      ? 'A verification set of InsightFace says which images are of one person, but not of whom: open it with readVerificationBin.'
      : undefined,
  });
}

async function lookAt(path: string): Promise<DatasetPath> {
  const there = await stat(path).catch(() => undefined);
  if (!there?.isDirectory()) return { path, kind: there ? 'file' : 'missing', entries: [] };
  const entries = await filesIn(path).catch((error: Error) => {
    const [got, expected] = [`unreadable (${error.message})`, 'a folder that may be read'];
    throw new ProtomemError({ where: 'openDataset', what: path, got, expected }, { cause: error });
  });
  return { path, kind: 'folder', entries };
}
