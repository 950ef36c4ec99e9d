import { readdir, stat } from 'node:fs/promises';
import { type ImageSource, type OptionsOf, option, ProtomemError, readOptions } from '@protomem/core';
import type { DatasetFormat, DatasetPath } from './dataset-format.ts';
import { type DatasetFormatName, datasetFormats } from './dataset-formats.ts';

const openOptions = {
  format: option.choice(datasetFormats, { help: 'Its format.', absent: 'found out from what is there' }),
};

/**
 * Opens a data set of any format that protomem reads.
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
export async function openDataset(path: string, options: OptionsOf<typeof openOptions> = {}): Promise<ImageSource> {
  const { format = await recognize(path) } = readOptions('openDataset', openOptions, options);
  return datasetFormats[format].open(path);
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
    expected: formats.map(([name, { help }]) => `${name} (${help})`).join(', '),
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
