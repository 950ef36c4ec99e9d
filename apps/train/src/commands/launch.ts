import type { Command } from '@commander-js/extra-typings';
import { type LaunchOptions, launchRanks } from '@protomem/recipes';
import { command, declaredFlags } from '../command-line.ts';
import { stopOnInterrupt } from '../interrupt.ts';

const use = `
  protomem launch --nproc-per-node 2 -- train faces --data faces --out runs/mine
  protomem launch --nnodes 4 --node-rank 0 --master 10.0.0.1:29500 -- train faces ...      on each machine, with its rank

srun protomem train ... needs no launcher. Batches are those of one process, shared out; the folder of --out has to be seen by all.
What travels between ranks is neither encrypted nor authenticated: take a network of your own.`;

/** `protomem launch`. */
export function make(): Command {
  const made = command('launch', 'Starts processes that train together, and ends all when one ends badly.')
    .argument('<command...>', 'of protomem, after --')
    .addHelpText('after', use)
    .action(async (words, options) => {
      const program = [process.execPath, ...process.execArgv, process.argv[1]!, ...words] as [string, ...string[]];
      const signal = stopOnInterrupt();
      process.exitCode = await launchRanks(options as LaunchOptions, { command: program, signal, say: console.log });
    });
  for (const flag of declaredFlags('launch', launchRanks.options)) made.addOption(flag as never);
  return made as never;
}
