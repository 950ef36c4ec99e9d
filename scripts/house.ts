import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';

/** The repository's folder. */
export const root = join(import.meta.dirname, '..');

/** What is read here of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly packageManager: string;
  readonly repository?: { readonly url: string };
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

export interface PublicPackage {
  /** From the repository's folder. */
  readonly directory: string;
  readonly manifest: Manifest;
}

/** The packages of a checkout that go to the registry. */
export const publicPackages = (checkout = root): PublicPackage[] =>
  ['packages', 'apps']
    .flatMap((parent) => readdirSync(join(checkout, parent)).map((name) => join(parent, name)))
    .map((directory) => ({ directory, manifest: readManifest(join(checkout, directory)) }))
    .filter(({ manifest }) => !manifest.private);

export const say = (text: string): void => console.log(`[protomem] ${text}`);

/** The flags of a command, given what each does; another is refused, and `--help` says them all. */
export function flagsOf<T extends string>(
  command: string,
  about: string,
  does: Readonly<Record<T, string>>,
): Record<T, boolean> {
  const help = `${about}\n\n  ${command}\n\n${Object.entries(does)
    .map(([name, text]) => `  --${name.padEnd(10)} ${text}`)
    .join('\n')}`;
  const options = Object.fromEntries(
    [...Object.keys(does), 'help'].map((name) => [name, { type: 'boolean' as const }]),
  );
  try {
    const { values } = parseArgs({ options });
    if (!values.help)
      return Object.fromEntries(Object.keys(does).map((name) => [name, values[name] === true])) as Record<T, boolean>;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`);
    process.exit(2);
  }
  console.log(help.trimEnd());
  process.exit();
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  /** Both streams, in the order in which they came. */
  readonly output: string;
}

/** Runs a program to its end; programs of the repository's dependencies are found by name. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = root, env = {}, seconds = 1800 }: { cwd?: string; env?: NodeJS.ProcessEnv; seconds?: number } = {},
): Promise<Ran> {
  const path = [join(cwd, 'node_modules/.bin'), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  // What npm and pnpm leave in the environment for their scripts is not meant for other folders.
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$)/i.test(name));
  const child = spawn(command, args, {
    cwd,
    env: { ...Object.fromEntries(kept), PATH: path, TURBO_TELEMETRY_DISABLED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: seconds * 1000,
    shell: process.platform === 'win32',
  });
  let [stdout, output] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
    output += data;
  });
  child.stderr.on('data', (data) => {
    output += data;
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 1, stdout, output: `${output}${command}: ${error.message}` }));
    child.on('close', (code, signal) => {
      if (signal) output += `\n${command}: ended by ${signal} (at most ${seconds} s)`;
      resolve({ code: code ?? 1, stdout, output });
    });
  });
}

/** Runs a program that has to do its work; throws with its output. */
export async function must(...[command, args, options]: Parameters<typeof run>): Promise<string> {
  const { code, stdout, output } = await run(command, args, options);
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')}\n${output}`);
  return stdout;
}

/** The pnpm that the repository is made with. */
export const pnpm = (args: readonly string[], options?: Parameters<typeof run>[2]): Promise<string> =>
  must('npx', ['--yes', readManifest(root).packageManager, ...args], options);
