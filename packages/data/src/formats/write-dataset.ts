import { type ImageSource, type OptionsOf, option, readOptions } from '@protomem/core';
import { datasetFormats } from './dataset-formats.ts';
import { writeOptions } from './each-image.ts';

const options = { ...writeOptions, format: option.choice(datasetFormats, { help: 'The format to write.' }) };

/**
 * Writes a source in a format by name, with identities and images in the same order and bytes unchanged. The writers
 * themselves have more options.
 *
 * @param path is made; nothing may be there.
 *
 * @example
 * ```ts
 * await writeDataset(await openDataset('faces'), 'faces-rec', { format: 'recordio' });
 * ```
 */
export async function writeDataset(source: ImageSource, path: string, given: OptionsOf<typeof options>): Promise<void> {
  const { format, ...rest } = readOptions('writeDataset', options, given);
  await datasetFormats[format].write(source, path, rest);
}
