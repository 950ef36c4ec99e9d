import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { ProtomemError } from '@protomem/core';
import { doctor, printExamination } from './doctor.ts';
import { installEngine } from './install.ts';
import { planInstall } from './plan.ts';

const help = `protomem-engine: the native TensorFlow of tfjs-node, without the download of its installer

  protomem-engine install [--gpu] [--from DIR] [--force] [--dry-run]
      Gets libtensorflow (through pip, or from the folder DIR with an unpacked TensorFlow) and compiles
      the binding of @tensorflow/tfjs-node against it. Does nothing when that has been done.
      --gpu     for @tensorflow/tfjs-node-gpu, with CUDA's libraries
      --force   again, although there is one
      --dry-run only says what would be downloaded, and where it would go
  protomem-engine doctor [--json]
      What this machine has, which engines load and why others do not.
  protomem-engine --help | --version

The library is kept in PROTOMEM_CACHE, XDG_CACHE_HOME/protomem or ~/.cache/protomem.
Exit status: 0 done, 1 it cannot be done (one line says why), 2 the command line is wrong, 130 interrupted.`;

const options = {
  gpu: { type: 'boolean' },
  from: { type: 'string' },
  force: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

type Values = ReturnType<typeof parse>['values'];

/** Commands with the options that each takes. */
const commands: Record<string, { takes: readonly string[]; run: (values: Values) => Promise<number> }> = {
  install: { takes: ['gpu', 'from', 'force', 'dry-run'], run: runInstall },
  doctor: { takes: ['json'], run: runDoctor },
};

const say = (line: string): void => console.log(`protomem-engine: ${line}`);

/** Runs `protomem-engine` with the arguments after its name and returns the exit status. */
export async function runCli(args: readonly string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return refuse((error as Error).message.split('\n')[0]!);
  }
  const { values, positionals } = parsed;
  const [name, ...rest] = positionals;
  if (values.version) console.log(packageVersion());
  else if (values.help) console.log(help);
  if (values.version || values.help) return 0;
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return refuse(name === undefined ? 'a command is missing' : `there is no command "${name}"`);
  if (rest.length > 0) return refuse(`"${rest.at(-1)}" is one argument too many`);
  const alien = Object.keys(values).find((option) => !command.takes.includes(option));
  if (alien) return refuse(`${name} has no option --${alien}`);
  return command.run(values);
}

const packageVersion = (): string => createRequire(import.meta.url)('@protomem/native/package.json').version;

const parse = (args: readonly string[]) => parseArgs({ args: [...args], options, allowPositionals: true });

function refuse(what: string): number {
  console.error(`protomem-engine: ${what}. Commands: install, doctor; see protomem-engine --help.`);
  return 2;
}

async function runInstall({ gpu, from, force, 'dry-run': dryRun }: Values): Promise<number> {
  const started = performance.now();
  const abort = new AbortController();
  const interrupt = (): void => abort.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    if (dryRun) {
      for (const line of await planInstall({ gpu, from, signal: abort.signal })) console.log(line);
      return 0;
    }
    const { binding, tensorflow, present } = await installEngine({ gpu, from, force, say, signal: abort.signal });
    const seconds = Math.max(1, Math.round((performance.now() - started) / 1000));
    say(`TensorFlow ${tensorflow} ${present ? 'is there already' : `installed in ${seconds} s`}: ${binding}`);
    return 0;
  } catch (error) {
    if (abort.signal.aborted) {
      console.error('protomem-engine: interrupted; nothing was installed.');
      return 130;
    }
    // Errors of this package name the command themselves.
    const { message } = error as Error;
    console.error(error instanceof ProtomemError ? message : `protomem-engine install: ${message.split('\n')[0]}`);
    return 1;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function runDoctor({ json }: Values): Promise<number> {
  const found = await doctor();
  console.log(json ? JSON.stringify(found, undefined, 2) : printExamination(found));
  return 0;
}
