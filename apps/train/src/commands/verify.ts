import { type ImageSource, printable } from '@protomem/core';
import { compareSources } from '@protomem/data';
import { command, stopOnInterrupt, withBar } from '../command-line.ts';
import { dataSetOptions, openSaid } from '../data-sets.ts';
import { survey } from '../survey.ts';

const about = 'Reads and decodes every image of a data set';

/** `protomem verify`. */
export const make = () =>
  dataSetOptions(
    command('verify', `${about}; ends with status 1 when some are broken or the data contradict themselves.`).argument(
      '<path>',
      'data set of any format',
    ),
  )
    .option('--against <other>', 'compare with another data set, image by image: bytes, or pixels where bytes differ')
    .option('--problems <file>', 'write broken and repeated images to a tab-separated file')
    .action(async (path, { against, problems, ...options }) => {
      const source = await openSaid(path, options);
      const { broken } = await survey(source, { decode: true, problems });
      const conflicts = source.remarks?.some(({ kind }) => kind === 'in conflict');
      if (broken.length > 0 || conflicts) process.exitCode = 1;
      if (against !== undefined) await compare(source, await openSaid(against), stopOnInterrupt());
    });

async function compare(source: ImageSource, other: ImageSource, signal: AbortSignal): Promise<void> {
  const { images, sameBytes, differences } = await withBar('images', (onProgress) =>
    compareSources(source, other, { onProgress, signal }),
  );
  console.log(`${images} images compared, ${sameBytes} with the same bytes`);
  for (const difference of differences) console.log(`  ${printable(difference)}`);
  if (differences.length > 0) process.exitCode = 1;
  else console.log('no difference');
}
