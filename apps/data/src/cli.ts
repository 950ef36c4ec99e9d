import { lookUp, ProtomemError } from '@protomem/core';
import { align } from './align.ts';
import type { Command } from './command.ts';
import { convert } from './convert.ts';
import { drawPairsCommand } from './draw-pairs.ts';
import { pairs } from './pairs.ts';
import { inspect, verify } from './survey.ts';

const commands: Record<string, Command> = { align, convert, inspect, verify, 'draw-pairs': drawPairsCommand, pairs };

const help = `Prepare face images.

${Object.entries(commands)
  .map(([name, { about }]) => `  npm run data -- ${name.padEnd(10)} ${about}`)
  .join('\n')}

  npm run data -- COMMAND --help   tells more
`;

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === '-h') {
    console.log(help);
    return;
  }
  const command = lookUp('data', 'the command', commands, name);
  if (args.includes('--help') || args.includes('-h')) console.log(command.help);
  else await command.run(args);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof ProtomemError ? `error: ${error.message}` : error);
  process.exitCode = 1;
});
