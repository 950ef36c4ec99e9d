import { availableParallelism } from 'node:os';
import { type Command, Option } from '@commander-js/extra-typings';
import { flagOf } from '@protomem/core';
import { type DatasetFormatName, datasetFormats, encodedSource, writeDataset } from '@protomem/data';
import { type SyntheticFacesOptions, syntheticFaces } from '@protomem/synthetic';
import { command, toNumber, withBar } from '../command-line.ts';
import { stopOnInterrupt } from '../interrupt.ts';

const use = `
  protomem render --identities 10000 --images 8 --seed 0 --size 48 --format recordio --out faces
  protomem render --identities 1000 --images 4 --seed 0 --first-identity 10000 ...    others of the same population

An image depends on seed, person and number alone, not on threads or order. OUT is there whole or, when the work stops
early, not at all.`;

const { source: _, ...encoding } = encodedSource.options;
const declared = {
  ...syntheticFaces.options,
  ...encoding,
  workers: { ...encoding.workers, default: availableParallelism() },
};

type Chosen = Omit<Parameters<typeof encodedSource>[0], 'source'> &
  SyntheticFacesOptions & { readonly format: DatasetFormatName; readonly out: string };

/** `protomem render`. */
export const make = () => {
  const made: Command = command('render', 'Draws synthetic faces and writes them as a data set.')
    .requiredOption('--out <path>', 'path to write; new')
    .requiredOption('--format <name>', `to write: ${Object.keys(datasetFormats).join(', ')}`);
  for (const [name, { help, expected, choices, default: standard }] of Object.entries(declared)) {
    // As short as the command line likes it.
    const shown = name === 'imagesPerIdentity' ? 'images' : name;
    const flag = new Option(`${flagOf(shown)} <${choices ? 'name' : 'n'}>`, `${help} (${expected})`);
    if (!choices) flag.argParser(toNumber);
    made.addOption(standard === undefined ? flag.makeOptionMandatory() : flag.default(standard));
  }
  return made.addHelpText('after', use).action(async () => {
    const { images: imagesPerIdentity, ...rest } = made.opts() as Record<string, unknown>;
    await render({ ...rest, imagesPerIdentity } as Chosen);
  });
};

async function render({ out, format, encoding, quality, workers, ...drawing }: Chosen): Promise<void> {
  const signal = stopOnInterrupt();
  const source = syntheticFaces(drawing);
  const files = encodedSource({ source, size: drawing.size, encoding, quality, workers });
  try {
    await withBar('images', (onProgress) => writeDataset(files, out, { format, onProgress, signal }));
  } finally {
    await files.close();
  }
  const images = drawing.identities * drawing.imagesPerIdentity;
  console.log(`${images} images of ${drawing.identities} identities written to ${out}`);
}
