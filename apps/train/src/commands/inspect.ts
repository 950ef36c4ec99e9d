import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { printable, refuseTogether } from '@protomem/core';
import { readSafetensors } from '@protomem/core/node';
import { readRunConfig, resumeCommand, runFolder } from '@protomem/recipes';
import { listCheckpoints } from '@protomem/training';
import { command } from '../command-line.ts';
import { dataSetOptions, openSaid, refuseGiven } from '../data-sets.ts';
import { printCounts, survey } from '../survey.ts';

/** `protomem inspect`. */
export const make = () =>
  dataSetOptions(
    command('inspect', 'Tells what a run, a checkpoint, an encoder or a data set holds.').argument(
      '<path>',
      'run folder, .safetensors file, or data set of any format',
    ),
  )
    .option('--counts', 'of a data set, only count: read no image')
    .option('--problems <file>', 'of a data set, write broken and repeated images to a tab-separated file')
    .addHelpText('after', '\nReads every file of a data set, but decodes only its head; "verify" decodes all.')
    .action(async (path, { counts, problems, ...options }) => {
      refuseTogether('inspect', { counts, problems }, { counts: ['problems'] });
      const found = await stat(path).catch(() => undefined);
      const file = found?.isFile() && path.endsWith('.safetensors');
      if (file || existsSync(runFolder(path).config)) {
        const expected = `nothing: ${path} is ${file ? 'an encoder or a checkpoint' : 'a run'}, and such options are of data sets`;
        refuseGiven('inspect', { counts, problems, ...options }, expected);
        return file ? inspectFile(path) : inspectRun(path);
      }
      const source = await openSaid(path, options);
      printCounts(source);
      if (!counts) await survey(source, { decode: false, problems });
    });

async function inspectFile(path: string): Promise<void> {
  const { tensors, metadata, sealed } = await readSafetensors(path);
  for (const [key, value] of Object.entries(metadata)) {
    console.log(`${key}: ${printable(value.length > 200 ? `${value.slice(0, 197)}...` : value)}`);
  }
  let bytes = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    bytes += data.byteLength;
    console.log(`${dtype} ${JSON.stringify(shape).padEnd(18)} ${printable(name)}`);
  }
  console.log(
    `${Object.keys(tensors).length} tensors, ${(bytes / 2 ** 20).toFixed(1)} MiB, ${sealed ? 'checksums right' : 'without checksums'}`,
  );
}

async function inspectRun(path: string): Promise<void> {
  const folder = runFolder(path);
  const config = await readRunConfig(path, undefined, { set: [] });
  const checkpoints = await listCheckpoints(folder.checkpoints);
  console.log(`recipe ${config.recipe}, ${config.steps} steps, head ${config.head.kind}, seed ${config.seed}`);
  console.log(checkpoints.length > 0 ? `checkpoints: ${checkpoints.join(', ')}` : 'no checkpoint yet');
  for (const file of [folder.encoder, folder.metrics, folder.report]) {
    console.log(`${existsSync(file) ? 'has' : 'no'} ${file}`);
  }
  if (!existsSync(folder.report)) console.log(`go on with: ${resumeCommand(path)}`);
}
