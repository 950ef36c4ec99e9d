import { readFile } from 'node:fs/promises';
import { type ImageSource, ProtomemError, printable, unescapeName } from '@protomem/core';
import { systemReason } from '@protomem/core/node';
import { compareSources, countImages, datasetFormats, selectIdentities, writeDataset } from '@protomem/data';
import { command, toNumber, withBar } from '../command-line.ts';
import { dataSetOptions, openSaid, sayRemarks } from '../data-sets.ts';
import { stopOnInterrupt } from '../interrupt.ts';

const order = `
Identities and images keep their order, images their bytes, so that training from either gives the same weights.`;

/** `protomem convert`. */
export const make = () =>
  dataSetOptions(
    command('convert', 'Writes a data set in another format.')
      .argument('<from>', 'data set to read')
      .argument('<to>', 'path to write; new: it is there whole or, when the work stops early, not at all'),
  )
    .requiredOption('--format <name>', `to write: ${Object.keys(datasetFormats).join(', ')}`)
    .option('--min-images <n>', 'leave out identities with fewer images', toNumber)
    .option('--exclude <file>', 'leave out the identities that this file names, one on a line')
    .option('--check', 'read TO again and compare every image with FROM')
    .addHelpText('after', order)
    .action(async (from, to, options) => {
      const signal = stopOnInterrupt();
      const { minImages, exclude, format: name, check, ...opening } = options;
      const source = await selected(await openSaid(from, opening), { minImages, exclude });
      const format = name as keyof typeof datasetFormats;
      await withBar('images', (onProgress) => writeDataset(source, to, { format, onProgress, signal }));
      const { identities, images } = countImages(source);
      console.log(`${images} images of ${identities} identities written to ${to}`);
      if (!check) return;
      const written = await openSaid(to);
      const { differences } = await withBar('images', (onProgress) =>
        compareSources(source, written, { onProgress, signal }),
      );
      console.log(
        differences.length === 0 ? 'checked: every image is there, equal' : differences.map(printable).join('\n'),
      );
      if (differences.length > 0) process.exitCode = 1;
    });

async function selected(
  source: ImageSource,
  { minImages, exclude }: { readonly minImages?: number; readonly exclude?: string },
): Promise<ImageSource> {
  if (minImages === undefined && exclude === undefined) return source;
  const names =
    exclude === undefined
      ? ''
      : await readFile(exclude, 'utf8').catch((cause: unknown) => {
          const [what, expected] = [`--exclude ${exclude}`, 'a file with a name of an identity on each line'];
          throw new ProtomemError({ where: 'convert', what, got: systemReason(cause), expected }, { cause });
        });
  const excluded = names.split(/\r?\n/).filter(Boolean).map(unescapeName);
  sayUnknown(source, excluded);
  const { remarks, ...chosen } = selectIdentities(source, { minImages, exclude: excluded });
  sayRemarks({ remarks: remarks?.slice(source.remarks?.length) });
  return chosen;
}

/** Names what was to be left out and is not there: a mistyped name would keep somebody. */
function sayUnknown(source: ImageSource, names: readonly string[]): void {
  const unknown = new Set(names.map((name) => name.normalize('NFC')));
  for (let identity = 0; unknown.size > 0 && identity < source.identities; identity++) {
    unknown.delete(source.identityName(identity).normalize('NFC'));
  }
  if (unknown.size === 0) return;
  const [shown, more] = [[...unknown].slice(0, 5), unknown.size > 5 ? ', ...' : ''];
  console.log(`--exclude: ${unknown.size} of its names nobody has: ${shown.map(printable).join(', ')}${more}`);
}
