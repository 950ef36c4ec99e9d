import { runCli } from '@protomem/native';
import { command } from '../command-line.ts';

/** `protomem engine`: `protomem-engine`, whose package need not be installed by itself. */
export const make = () =>
  command('engine', 'Gets native TensorFlow for this user, or says which engines load and why others do not.')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[args...]', 'install [--gpu] [--from DIR] [--force] [--dry-run]; doctor [--json]')
    .action(async (args) => {
      process.exitCode = await runCli(args);
    });
