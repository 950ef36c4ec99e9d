import { createRequire } from 'node:module';
import { Command, CommanderError } from '@commander-js/extra-typings';
import { ProtomemError, printableLines } from '@protomem/core';
import { commands } from './commands/index.ts';
import { onOutputError, stopCode } from './interrupt.ts';

const help = `
A recipe's name, or a file of your own (.json, .ts, .mts, .cts, .js, .mjs, .cjs), in the place of a command trains it:
  protomem demo
  protomem lfw --data path/to/lfw112
  protomem my-run.ts --out runs/mine

protomem COMMAND --help tells more.

Exit codes: 0 done; 1 refused or failed, with the reason; 
stopped early, to be gone on with: 130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.`;

/** Everything after the program's own name. Only the command that is called is loaded: the rest would cost seconds. */
async function main(args: readonly string[]): Promise<void> {
  const [name] = args;
  const program = new Command('protomem')
    .description('Train and evaluate face encoders with Prototype Memory.')
    .helpOption('-h, --help', 'this text')
    .option('-v, --version', 'versions of protomem and Node.js, and which TensorFlow is installed')
    .configureOutput({ outputError: () => undefined })
    .helpCommand(false)
    .addHelpText('after', help)
    .exitOverride();
  if (name === '--version' || name === '-v') return console.log(await versions());
  if (name === undefined || name.startsWith('-')) {
    for (const [known, { about }] of Object.entries(commands)) program.command(known).summary(about).description(about);
    if (name === undefined) return program.outputHelp();
    await program.parseAsync([...args], { from: 'user' });
    return;
  }
  const called = Object.hasOwn(commands, name) ? name : 'train';
  if (called !== name) await refuseUnknown(name);
  const { make } = await commands[called]!.load();
  await make().parseAsync(called === name ? args.slice(1) : [...args], { from: 'user' });
}

/** Neither a command nor something to train: it may be either, mistyped. */
async function refuseUnknown(name: string): Promise<void> {
  const { checkRunName } = await import('@protomem/recipes');
  checkRunName('protomem', 'the command', name, Object.keys(commands));
}

async function versions(): Promise<string> {
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
  const { installedTensorFlow } = await import('@protomem/native');
  const node = `Node.js ${process.versions.node}, ${process.platform} ${process.arch}`;
  return `protomem ${version}, ${node}\n${installedTensorFlow()}`;
}

// Names in files come from anybody: none of them reaches a terminal as an order.
for (const level of ['log', 'warn', 'error'] as const) {
  const write = console[level];
  console[level] = (...values) => write(...values.map((one) => (typeof one === 'string' ? printableLines(one) : one)));
}

/** Errors that say all in a line: ours, and the system's, which name the call and the file. */
const said = (error: unknown): error is Error =>
  error instanceof ProtomemError || (error instanceof Error && 'syscall' in error && 'errno' in error);

for (const stream of [process.stdout, process.stderr]) stream.on('error', onOutputError);

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // --help ends this way, too.
    if (error.exitCode === 0) return;
    console.error(`${error.message}\nSee --help.`);
  } else console.error(said(error) ? `error: ${error.message}` : error);
  process.exitCode = stopCode() ?? 1;
});
