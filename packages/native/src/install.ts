import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, realpath, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, type OptionsOf, option, readOptions } from '@protomem/core';
import { withLock, writeFileAtomic } from '@protomem/core/node';
import {
  cacheFolder,
  findInstalls,
  type Installed,
  type InstalledPackage,
  installName,
  ownBinding,
  programFile,
} from '@protomem/engine/installs';
import { compileBinding } from './compile.ts';
import { installError, throwIfDiskFull } from './install-error.ts';
import { copyFromFolder, unpackFromPip } from './library.ts';
import type { Context } from './pip.ts';
import { probeBinding } from './probe.ts';
import {
  checkPlatform,
  checkSpace,
  findTools,
  makeRoot,
  packageOf,
  pinnedTensorflow,
  requirementOf,
  type Tools,
} from './requirements.ts';
import { findTfjsNode } from './tfjs-node.ts';

const installOptions = {
  gpu: option.flag({ help: "For `@tensorflow/tfjs-node-gpu`, with CUDA's libraries.", default: false }),
  from: option.text({
    help: 'Folder of an unpacked TensorFlow to copy the library from.',
    absent: 'the wheel, through pip',
  }),
  force: option.flag({ help: 'Install although there is one already.', default: false }),
  say: option.given<(line: string) => void>()({ help: 'Gets a line of progress at a time.', absent: 'none are said' }),
  signal: option.given<AbortSignal>()({ help: 'Ends the install early; nothing is left behind.', absent: 'none' }),
};

/** What {@link installEngine} is asked for. */
export type InstallOptions = OptionsOf<typeof installOptions>;

/** What {@link installEngine} found or made. */
export interface InstallResult {
  /** Path of the binding. */
  readonly binding: string;
  /** Version of TensorFlow. */
  readonly tensorflow: string;
  /** `true` when it was there already. */
  readonly present: boolean;
}

/** How names begin of installs that are being made, and of old ones that wait for a new one to take their place. */
const building = '.building-';
const replaced = '.replaced-';

/** The steps that reach outside, so that tests can take their place. */
export interface Steps {
  readonly findTools: (pip: boolean) => Promise<Tools>;
  readonly unpackFromPip: typeof unpackFromPip;
  readonly compileBinding: typeof compileBinding;
  readonly probeBinding: typeof probeBinding;
}

/**
 * Gets libtensorflow and compiles tfjs-node's own binding against it, where the npm package's installer could not. The
 * result is kept per user (`PROTOMEM_CACHE`, else `XDG_CACHE_HOME/protomem`, else `~/.cache/protomem`) under a name that
 * holds the versions, platform and Node-API version; `loadEngine` finds it there, and nothing in node_modules changes.
 * An install appears whole or not at all; two at once wait for each other.
 *
 * @throws ProtomemError with the reason and what to do
 *
 * @example
 * ```ts
 * const { binding, tensorflow } = await installEngine({ say: console.log });
 * ```
 */
export const installEngine = (options: InstallOptions = {}): Promise<InstallResult> =>
  install(options, { findTools, unpackFromPip, compileBinding, probeBinding });
installEngine.options = installOptions;

/** {@link installEngine} with its steps given. */
export async function install(options: InstallOptions, steps: Steps): Promise<InstallResult> {
  const settings = readOptions('installEngine', installOptions, options);
  const { gpu } = settings;
  const name = packageOf(gpu);
  const found = findTfjsNode(gpu);
  check(found !== undefined, () => ({
    where: 'protomem-engine install',
    what: name,
    got: 'not installed',
    expected: 'the package in node_modules, whose binding is compiled',
    fix: `npm install ${name} --ignore-scripts (its own installer may fail, and is not needed).`,
  }));
  const result = await installFor(found, settings, steps);
  if (found.program) await writeFileAtomic(programFile(found.version), await readFile(found.program));
  return result;
}

async function installFor(found: InstalledPackage, settings: InstallOptions, steps: Steps): Promise<InstallResult> {
  const { gpu = false, force = false, say = () => undefined, signal } = settings;
  const from = settings.from === undefined ? undefined : await existing(settings.from);
  const present = force ? undefined : await findPresent(found, from, steps);
  if (present) return present;
  checkPlatform();
  const root = cacheFolder();
  // A full cache folder or a missing compiler is better known before a long download than after it.
  const tools = await steps.findTools(from === undefined);
  await makeRoot(root);
  await checkSpace(root, gpu);
  const context = { say, signal };
  let waiting = false;
  const wait = async (): Promise<void> => {
    if (!waiting) say('another install is running; waiting for it ...');
    waiting = true;
    await sleep(300, undefined, { signal });
  };
  return withLock(join(root, 'install.lock'), wait, async () => {
    await removeLeftovers(root);
    const meanwhile = force ? undefined : await findPresent(found, from, steps);
    if (meanwhile) return meanwhile;
    const folder = join(root, `${building}${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      const installed = await build({ found, from, folder, tools, gpu }, context, steps);
      const target = await publish(folder, join(root, installName(found, installed.tensorflow)));
      return { binding: join(target, 'tfjs_binding.node'), tensorflow: installed.tensorflow, present: false };
    } catch (error) {
      throwIfDiskFull((error as Error).message, root);
      throw error;
    } finally {
      await removeLeftovers(root);
    }
  });
}

/** The real path of the folder that `--from` names. */
export async function existing(folder: string): Promise<string> {
  const path = await realpath(folder).catch(() => undefined);
  if (path) return path;
  throw installError('--from', folder, 'a folder that exists', 'Check the path.');
}

/** An install that answers the request, else (with no folder named) the binding of the package's own installer. */
async function findPresent(
  found: InstalledPackage,
  from: string | undefined,
  { probeBinding: probe }: Steps,
): Promise<InstallResult | undefined> {
  const wanted = ({ tensorflow, source }: Installed): boolean =>
    from === undefined ? tensorflow === pinnedTensorflow : source === from;
  const installed = findInstalls(found).find(wanted);
  if (installed) {
    // Of several, the one that was asked for last is the one to load.
    await utimes(join(installed.folder, 'installed.json'), new Date(), new Date()).catch(() => undefined);
    const binding = join(installed.folder, 'tfjs_binding.node');
    return { binding, tensorflow: installed.tensorflow, present: true };
  }
  const binding = from === undefined ? ownBinding(found) : undefined;
  if (!binding) return undefined;
  const own = await probe(binding);
  return 'tensorflow' in own ? { binding, tensorflow: own.tensorflow, present: true } : undefined;
}

interface Build {
  readonly found: InstalledPackage;
  readonly from: string | undefined;
  readonly folder: string;
  readonly tools: Tools;
  readonly gpu: boolean;
}

async function build(request: Build, context: Context, steps: Steps): Promise<Installed> {
  const { found, from, folder, tools, gpu } = request;
  await mkdir(folder);
  let include = join(`${folder}.headers`, 'tensorflow', 'include');
  let source = from;
  if (from === undefined) {
    source = await steps.unpackFromPip(tools.python, requirementOf(gpu), { folder, include, cuda: gpu }, context);
  } else {
    context.say(`copying the libraries of ${from} ...`);
    include = await copyFromFolder(from, folder);
  }
  context.say(`compiling the binding of ${found.name} ${found.version} ...`);
  await steps.compileBinding(tools.compiler, found, folder, include, context);
  const probe = await steps.probeBinding(join(folder, 'tfjs_binding.node'));
  if ('reason' in probe) {
    throw installError('the compiled binding', `not loading: ${probe.reason}`, 'one that loads on this machine', '');
  }
  const files: Record<string, number> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[relative(folder, path)] = (await stat(path)).size;
  }
  const { tensorflow } = probe;
  const installed = { package: found.name, packageVersion: found.version, tensorflow, source: source!, files };
  await writeFile(join(folder, 'installed.json'), `${JSON.stringify(installed, undefined, 2)}\n`);
  return installed;
}

/** Puts a finished folder in its place. */
async function publish(folder: string, target: string): Promise<string> {
  // A folder that is not empty cannot be renamed over; a process that has the old library loaded keeps it.
  await rename(target, join(dirname(target), `${replaced}${basename(target)}`)).catch(() => undefined);
  await rename(folder, target);
  return target;
}

/**
 * Removes what installs that were killed, or this one, left beside the finished ones. An old install whose place is
 * still empty goes back to it. Only the holder of the lock may.
 */
async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name);
    const target = name.startsWith(replaced) ? join(root, name.slice(replaced.length)) : undefined;
    if (target && !existsSync(target)) await rename(path, target);
    else if (target || name.startsWith(building)) await rm(path, { recursive: true, force: true });
  }
}
