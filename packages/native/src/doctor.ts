import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { EngineName } from '@protomem/engine';
import {
  cacheFolder,
  driverVersion,
  findInstalls,
  gpus,
  type InstructionSet,
  instructionSet,
  ownBinding,
  processor,
  trainingOpsFile,
} from '@protomem/engine/installs';
import { findCompiler, runCompiler } from './compile.ts';
import { findPip } from './pip.ts';
import { glibcVersion, packageOf } from './requirements.ts';
import { lastLine, runCommand } from './run-command.ts';
import { findTfjsNode } from './tfjs-node.ts';
import { type Trial, tryElsewhere } from './try-elsewhere.ts';

/** What {@link doctor} finds out. */
export interface Examination {
  readonly node: string;
  readonly platform: string;
  readonly glibc: string | undefined;
  readonly processor: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly gpus: readonly string[];
  /** Version of NVIDIA's kernel driver. */
  readonly gpuDriver: string | undefined;
  readonly cache: { readonly folder: string; readonly freeBytes: number | undefined };
  readonly tools: { readonly pip: string; readonly compiler: string };
  readonly packages: readonly PackageState[];
  readonly engines: Readonly<Record<Exclude<EngineName, 'webgl'>, Trial>>;
}

interface PackageState {
  readonly name: string;
  readonly version: string | undefined;
  /** Folders of `protomem-engine install`, the one that is loaded first. */
  readonly installs: readonly string[];
  /** The binding of the package's own installer. */
  readonly own: string | undefined;
  /** The instructions that the loaded install has ops of our own for, of those that this processor has. */
  readonly trainingOps: InstructionSet | undefined;
}

/** Environment variables that change what is printed here. */
const relevantVariables = [
  ...['PROTOMEM_CACHE', 'XDG_CACHE_HOME', 'TF_NUM_INTRAOP_THREADS', 'TF_CPP_MIN_LOG_LEVEL', 'TF_ENABLE_ONEDNN_OPTS'],
  ...['TF_SET_ONEDNN_FPMATH_MODE', 'ONEDNN_DEFAULT_FPMATH_MODE', 'CUDA_VISIBLE_DEVICES', 'CXX'],
];

/**
 * Looks at everything that decides which engine loads, and tries each engine in a process of its own. Takes some seconds.
 *
 * @example
 * ```ts
 * console.log(printExamination(await doctor()));
 * ```
 */
export async function doctor(): Promise<Examination> {
  const engines = {} as Record<Exclude<EngineName, 'webgl'>, Trial>;
  for (const name of ['node-gpu', 'node', 'webgpu', 'wasm', 'cpu'] as const) engines[name] = await tryElsewhere(name);
  const folder = cacheFolder();
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    glibc: glibcVersion(),
    processor: processor(),
    threads: availableParallelism(),
    memoryBytes: totalmem(),
    gpus: gpus(),
    gpuDriver: driverVersion(),
    cache: { folder, freeBytes: await freeBytes(folder) },
    tools: {
      pip: await toolVersion(findPip, ['-m', 'pip', '--version']),
      compiler: await toolVersion(findCompiler, ['--version'], runCompiler),
    },
    packages: [false, true].map((gpu): PackageState => {
      const [name, found] = [packageOf(gpu), findTfjsNode(gpu)];
      if (!found) return { name, version: undefined, installs: [], own: undefined, trainingOps: undefined };
      const installs = findInstalls(found).map(({ folder: path }) => path);
      const set = instructionSet();
      const trainingOps = set && installs[0] && existsSync(join(installs[0], trainingOpsFile(set))) ? set : undefined;
      return { name, version: found.version, installs, own: ownBinding(found), trainingOps };
    }),
    engines,
  };
}

/** An examination as text. */
export function printExamination(found: Examination): string {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const { cache, engines, gpus: cards, packages, tools } = found;
  const taken = (['node-gpu', 'node', 'wasm', 'cpu'] as const).find((name) => 'backend' in engines[name]);
  const rows: [string, string][] = [
    ['node', `${found.node}, ${found.platform}${found.glibc ? `, glibc ${found.glibc}` : ''}`],
    ['processor', `${found.processor}, ${found.threads} threads, ${gigabytes(found.memoryBytes)} memory`],
    ['gpu', cards.join(', ') || 'none that the NVIDIA driver shows'],
    ['gpu driver', found.gpuDriver ?? 'none'],
    ['pip', tools.pip],
    ['compiler', tools.compiler],
    ['cache', `${cache.folder}${cache.freeBytes === undefined ? '' : `, ${gigabytes(cache.freeBytes)} free`}`],
    ...packages.map(({ name, version, installs, own, trainingOps }): [string, string] => [
      name.replace('@tensorflow/', ''),
      version
        ? `${version}, library: ${installs[0] ?? own ?? 'none'}, own ops: ${trainingOps ?? 'none'}`
        : 'not installed',
    ]),
    ...relevantVariables.flatMap((name): [string, string][] => (process.env[name] ? [[name, process.env[name]]] : [])),
    ['', ''],
    ...Object.entries(engines).map(([name, state]): [string, string] => [
      name,
      'reason' in state
        ? `no: ${state.reason}`
        : `yes: ${state.version} on ${state.device}, ${state.threads} threads, ${state.precision}`,
    ]),
    ['auto', taken ? `takes ${taken}` : 'finds nothing'],
  ];
  return rows.map(([name, value]) => (name ? `${name.padEnd(14)} ${value}` : '')).join('\n');
}

async function freeBytes(folder: string): Promise<number | undefined> {
  for (let path = folder; ; path = `${path}/..`) {
    const found = await statfs(path).catch(() => undefined);
    if (found) return found.bavail * found.bsize;
    if (path.length > folder.length + 300) return undefined;
  }
}

async function toolVersion(find: () => Promise<string>, args: readonly string[], run = runCommand): Promise<string> {
  try {
    const tool = await find();
    return `${tool}: ${lastLine((await run(tool, args)).stdout.split('\n')[0]!)}`;
  } catch {
    return 'missing';
  }
}
