import { readFile } from 'node:fs/promises';
import type { ImageSource } from '@protomem/core';
import {
  compareSources,
  countImages,
  type DatasetFormatName,
  datasetFormats,
  openDataset,
  selectIdentities,
  writeDataset,
} from '@protomem/data';
import type { Command } from './command.ts';
import { parse, refusal, stopOnInterrupt, withBar } from './command-line.ts';

const help = `Writes a data set in another format. Identities and images keep their order, images their bytes, so that training
from either gives the same weights.

  npm run data -- convert FROM TO --format NAME [options]

  --format NAME       to write: ${Object.keys(datasetFormats).join(', ')}
  --from NAME         of FROM (default: found out from what is there)
  --min-images N      leave out identities with fewer images (default 1)
  --exclude FILE      leave out the identities that this file names, one on a line
  --check             read TO again and compare every image with FROM
  --help              this text

TO must be new: nothing is overwritten. It is there whole or, when the work stops early, not at all.
`;

const text = { type: 'string' } as const;
const options = {
  format: text,
  from: text,
  'min-images': text,
  exclude: text,
  check: { type: 'boolean' },
} as const;

/** `npm run data -- convert`. */
export const convert: Command = {
  about: 'a data set in another format',
  help,
  async run(args) {
    const { values, positionals } = parse('convert', args, options);
    const [from, to, ...more] = positionals;
    if (from === undefined || to === undefined || more.length > 0) {
      throw refusal('convert', positionals.join(' ') || 'nothing', 'the data set to read and the path to write');
    }
    if (values.format === undefined)
      throw refusal('convert', 'no --format', `one of ${Object.keys(datasetFormats).join(', ')}`);
    const signal = stopOnInterrupt();
    const whole = await openDataset(from, { format: values.from as DatasetFormatName | undefined });
    const source = await selected(whole, values);
    const format = values.format as DatasetFormatName;
    await withBar('images', (onProgress) => writeDataset(source, to, { format, onProgress, signal }));
    const { identities, images } = countImages(source);
    console.log(`${images} images of ${identities} identities written to ${to}`);
    if (!values.check) return;
    const written = await openDataset(to);
    const { differences } = await withBar('images', (onProgress) =>
      compareSources(source, written, { onProgress, signal }),
    );
    console.log(differences.length === 0 ? 'checked: every image is there, equal' : differences.join('\n'));
    if (differences.length > 0) process.exitCode = 1;
  },
};

async function selected(
  source: ImageSource,
  values: { readonly 'min-images'?: string | undefined; readonly exclude?: string | undefined },
): Promise<ImageSource> {
  if (values['min-images'] === undefined && values.exclude === undefined) return source;
  const names = values.exclude === undefined ? '' : await readFile(values.exclude, 'utf8');
  return selectIdentities(source, {
    minImages: Number(values['min-images'] ?? 1),
    exclude: names.split(/\r?\n/).filter(Boolean),
  });
}
