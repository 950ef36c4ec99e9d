import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { InstalledPackage } from '../../packages.ts';

/** Node-API version that the binding is compiled for: every Node from 20 on has it. */
export const nodeApi = 8;

/** What an install leaves in `installed.json`, the last file that is written. */
export interface Installed {
  readonly package: string;
  readonly packageVersion: string;
  readonly tensorflow: string;
  /** The wheel's file name, or the folder that the user named. */
  readonly source: string;
  /** Every file with its size in bytes. */
  readonly files: Readonly<Record<string, number>>;
}

/** Folder of the native libraries: `PROTOMEM_CACHE`, else the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const root = env.PROTOMEM_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'protomem');
  return join(resolve(root), 'engine');
}

const prefix = ({ name, version }: InstalledPackage): string => `${name.split('/').pop()}-${version}-tensorflow-`;
/** Counts up when what an install is made of changes, so that an older one is replaced: see `compile.ts` of
 * `@protomem/native`. */
const edition = 10;
const suffix = `-${process.platform}-${process.arch}-napi${nodeApi}-e${edition}`;

/** Folder of one install inside {@link cacheFolder}: its name holds everything that the binding depends on. */
export const installName = (found: InstalledPackage, tensorflow: string): string =>
  `${prefix(found)}${tensorflow}${suffix}`;

/** The complete installs for a package, the one that was last asked for first. Incomplete ones are as good as none. */
export function findInstalls(found: InstalledPackage, root = cacheFolder()): (Installed & { folder: string })[] {
  return list(root)
    .filter((name) => name.startsWith(prefix(found)) && name.endsWith(suffix))
    .flatMap((name) => {
      const folder = join(root, name);
      try {
        const installed = JSON.parse(readFileSync(join(folder, 'installed.json'), 'utf8')) as Installed;
        const whole = Object.entries(installed.files).every(
          ([file, size]) => statSync(join(folder, file)).size === size,
        );
        return whole ? [{ ...installed, folder, asked: statSync(join(folder, 'installed.json')).mtimeMs }] : [];
      } catch {
        return [];
      }
    })
    .sort((a, b) => b.asked - a.asked);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * tfjs-node's program in one file, which `protomem-engine install` puts beside the libraries: it takes the place of the
 * package, whose installer fails where its download cannot be had.
 */
export const programFile = (version: string, root = cacheFolder()): string => join(root, `tfjs-node-${version}.cjs`);

/**
 * What {@link programFile} names, as a package: the newest that has an install, since another project may have left the program of
 * another release; else the newest of all.
 */
export function findProgram(root = cacheFolder()): InstalledPackage | undefined {
  const versions = list(root).flatMap((name) => /^tfjs-node-(\d+\.\d+\.\d+)\.cjs$/.exec(name)?.[1] ?? []);
  const programs = versions
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((version): InstalledPackage => {
      const program = programFile(version, root);
      return { name: '@tensorflow/tfjs-node', version, folder: root, manifest: program, program };
    });
  return programs.find((program) => findInstalls(program, root).length > 0) ?? programs[0];
}

/** Path of the binding to load for a tfjs-node package: the newest that `protomem-engine install` made, else its own. */
export function findBinding(found: InstalledPackage): string | undefined {
  const installed = findInstalls(found)[0];
  return installed ? join(installed.folder, 'tfjs_binding.node') : ownBinding(found);
}

/** The binding that the package's own installer left in it, for the newest Node-API version that this Node knows. */
export function ownBinding({ folder }: InstalledPackage): string | undefined {
  const newest = Number(process.versions.napi);
  for (let version = newest; version >= 3; version--) {
    const binding = join(folder, 'lib', `napi-v${version}`, 'tfjs_binding.node');
    if (existsSync(binding)) return binding;
  }
  return undefined;
}
