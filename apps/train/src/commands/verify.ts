import type { ImageSource } from '@protomem/core';
import { compareSources, type DatasetFormatName, openDataset } from '@protomem/data';
import { command, withBar } from '../command-line.ts';
import { stopOnInterrupt } from '../interrupt.ts';
import { survey } from '../survey.ts';

/** `protomem verify`. */
export const make = () =>
  command('verify', 'Reads and decodes every image of a data set; ends with status 1 when some are broken.')
    .argument('<path>', 'data set of any format')
    .option('--against <other>', 'compare with another data set, image by image: bytes, or pixels where bytes differ')
    .option('--from <name>', 'format of PATH (default: found out from what is there)')
    .option('--problems <file>', 'write broken and repeated images to a tab-separated file')
    .action(async (path, { against, from, problems }) => {
      const source = await openDataset(path, { format: from as DatasetFormatName | undefined });
      const { broken } = await survey(source, { decode: true, problems });
      if (broken.length > 0) process.exitCode = 1;
      if (against !== undefined) await compare(source, await openDataset(against), stopOnInterrupt());
    });

async function compare(source: ImageSource, other: ImageSource, signal: AbortSignal): Promise<void> {
  const { images, sameBytes, differences } = await withBar('images', (onProgress) =>
    compareSources(source, other, { onProgress, signal }),
  );
  console.log(`${images} images compared, ${sameBytes} with the same bytes`);
  for (const difference of differences) console.log(`  ${difference}`);
  if (differences.length > 0) process.exitCode = 1;
  else console.log('no difference');
}
