import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { ownBinding } from './binding.ts';
import { gpus, processor } from './devices.ts';
import type { EngineInfo, EngineName } from './engine-info.ts';
import { driverVersion } from './gpu-trouble.ts';
import { cacheFolder, findInstalls } from './install/cache.ts';
import { findCompiler } from './install/compile.ts';
import { findPip } from './install/pip.ts';
import { lastLine, runCommand } from './install/run-command.ts';
import { type InstructionSet, instructionSet, trainingOpsFile } from './instruction-sets.ts';
import { findPackage } from './packages.ts';

/** What `protomem-engine doctor` finds out. */
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
  readonly engines: Readonly<Record<EngineName, EngineInfo | { readonly reason: string }>>;
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
 * Looks at everything that decides which engine loads, and tries each engine in a process of its own.
 *
 * @param tryEngine loads one engine elsewhere and returns what {@link loadEngine} said
 */
export async function examine(
  tryEngine: (engine: EngineName) => Promise<EngineInfo | { reason: string }>,
): Promise<Examination> {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const engines = {} as Record<EngineName, EngineInfo | { reason: string }>;
  for (const name of ['node-gpu', 'node', 'webgpu', 'wasm', 'cpu'] as const) engines[name] = await tryEngine(name);
  const folder = cacheFolder();
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    glibc: report.header?.glibcVersionRuntime,
    processor: processor(),
    threads: availableParallelism(),
    memoryBytes: totalmem(),
    gpus: gpus(),
    gpuDriver: driverVersion(),
    cache: { folder, freeBytes: await freeBytes(folder) },
    tools: {
      pip: await toolVersion(findPip, ['-m', 'pip', '--version']),
      compiler: await toolVersion(findCompiler, ['--version']),
    },
    packages: ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu'].map((name): PackageState => {
      const found = findPackage(name);
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

async function toolVersion(find: () => Promise<string>, args: readonly string[]): Promise<string> {
  try {
    const tool = await find();
    return `${tool}: ${lastLine((await runCommand(tool, args)).stdout.split('\n')[0]!)}`;
  } catch {
    return 'missing';
  }
}
