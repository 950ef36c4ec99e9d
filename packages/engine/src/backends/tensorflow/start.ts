import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';
import { check, type ProtomemError } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { setCollective } from '../../collective/collective.ts';
import type { Started, StartOptions } from '../../engine-info.ts';
import { findNeeded, findPackage, type InstalledPackage, require } from '../../packages.ts';
import { multipliesBfloat16, processor, usableThreads } from '../../processor.ts';
import { activate } from '../start-checks.ts';
import { setBfloat16 } from './bfloat16.ts';
import { clusterCollective, loadInCluster, readCluster } from './cluster.ts';
import type { TensorflowBackend } from './execute.ts';
import { findBinding, findProgram } from './installs.ts';
import { restoreUtilFunctions } from './node-compatibility.ts';
import { driverVersion, gpus, older, oldestDriver } from './nvidia.ts';
import { loadTrainingOps } from './training-ops.ts';

/** What tfjs-node depends on to find its binding. */
const gypModule = '@mapbox/node-pre-gyp';

/**
 * Starts tfjs's `tensorflow` backend. libtensorflow reads its settings from the environment while it loads, so the
 * number of threads holds for the life of the process; asking for another later is an error.
 */
export async function startTensorflow(device: 'cpu' | 'gpu', options: StartOptions): Promise<Started> {
  const { threads, precision = 'float32' } = options;
  if (device === 'gpu') {
    checkGpu();
    findTfjsNode(device);
  }
  // Before options are looked at: under `auto` an engine that is not there has no say in them.
  const library = tf.findBackendFactory('tensorflow') ? undefined : findLibrary(device);
  check(precision === 'float32' || device === 'gpu' || multipliesBfloat16() !== false, () => ({
    where: 'loadEngine',
    what: 'precision',
    got: precision,
    expected: '"float32": this processor has no instructions for bfloat16 (avx512_bf16, amx_bf16)',
  }));
  const cluster = readCluster(options.cluster);
  check(library !== undefined || !cluster, () => ({
    where: 'loadEngine',
    what: 'cluster',
    got: 'given',
    expected: 'none: TensorFlow is already loaded in this process, and joins a cluster only while it loads',
    fix: 'Ask for it in the first loadEngine of a process.',
  }));
  const loadFound = (): string => load(library!, threads);
  const folder = library && (cluster ? loadInCluster(cluster, loadFound) : loadFound());
  if (!folder) checkThreads(threads);
  await activate('tensorflow');
  const backend = tf.backend() as TensorflowBackend;
  if (cluster) setCollective(backend, clusterCollective(backend, cluster));
  check(backend.isUsingGpuDevice === (device === 'gpu'), () => wrongDevice(device));
  // Only beside the TensorFlow that they were compiled with: another's program may have loaded its own.
  if (folder && device === 'cpu') loadTrainingOps(backend, folder);
  setBfloat16(backend, precision === 'bfloat16');
  return {
    backend: 'tensorflow',
    device: device === 'gpu' ? gpus().join(', ') : processor(),
    version: backend.binding.TF_Version,
    threads: threadsInForce(),
    precision,
  };
}

function findTfjsNode(device: 'cpu' | 'gpu'): InstalledPackage {
  if (device === 'gpu') {
    const name = '@tensorflow/tfjs-node-gpu';
    return findNeeded(name, `npm install ${name} @protomem/native --ignore-scripts, then ${installCommand(device)}.`);
  }
  const name = '@tensorflow/tfjs-node';
  const found = findPackage(name) ?? findProgram();
  return found ?? findNeeded(name, `npm install @protomem/native, then ${installCommand(device)}.`);
}

const installCommand = (device: 'cpu' | 'gpu'): string =>
  `npx protomem-engine install${device === 'gpu' ? ' --gpu' : ''}`;

function checkGpu(): void {
  check(gpus().length > 0, () => ({
    where: 'loadEngine',
    what: 'the NVIDIA GPU',
    got: 'missing',
    expected: 'a GPU that the driver shows to this process',
    fix: 'Check nvidia-smi; in a container, pass the GPU through.',
  }));
  const driver = driverVersion();
  check(driver === undefined || !older(driver, oldestDriver), () => ({
    where: 'loadEngine',
    what: "the NVIDIA driver's version",
    got: driver,
    expected: `${oldestDriver} or newer, for CUDA 12`,
    fix: 'Update the driver, then restart.',
  }));
}

/** tfjs-node, and the binding to load for it. */
interface Library {
  readonly found: InstalledPackage;
  readonly binding: string;
}

function findLibrary(device: 'cpu' | 'gpu'): Library {
  const found = findTfjsNode(device);
  const binding = findBinding(found);
  check(binding !== undefined, () => ({
    where: 'loadEngine',
    what: `the native library of ${found.name}`,
    got: 'missing',
    expected: 'one that is installed',
    fix: `npm install @protomem/native, then ${installCommand(device)}.`,
  }));
  return { found, binding };
}

/** @returns the folder of the binding. */
function load({ found, binding }: Library, threads?: number): string {
  restoreUtilFunctions();
  prepareEnvironment(threads, dirname(binding));
  requireWithBinding(found, binding);
  check(tf.findBackendFactory('tensorflow') !== null, () => ({
    where: 'loadEngine',
    what: `the @tensorflow/tfjs that ${found.name} ${found.version} uses`,
    got: 'another copy',
    expected: `the one that @protomem/engine uses, ${tf.version.tfjs}`,
    fix: 'Install @tensorflow/tfjs in the same version as the other tfjs packages.',
  }));
  return dirname(binding);
}

function prepareEnvironment(threads: number | undefined, bindingFolder: string): void {
  const { env } = process;
  if (threads !== undefined) env.TF_NUM_INTRAOP_THREADS = String(threads);
  env.TF_NUM_INTRAOP_THREADS ??= String(usableThreads());
  // By itself TensorFlow takes oneDNN on processors with AVX-512 alone; with AVX2 it is up to twice as fast as Eigen, too.
  if (process.arch === 'x64') env.TF_ENABLE_ONEDNN_OPTS ??= '1';
  env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // Whoever wants to see more than that sees all; a child has the level of its parent.
  if (Number(env.TF_CPP_MIN_LOG_LEVEL) < 2) return;
  const preload = join(bindingFolder, 'preload.node');
  if (existsSync(preload)) require(preload);
}

/**
 * tfjs-node asks {@link gypModule} where its binding is, and nothing else. For the time of the load that module is
 * one function that names the binding found here; so nothing in node_modules has to be changed.
 */
function requireWithBinding({ name, manifest, program }: InstalledPackage, binding: string): void {
  if (program) {
    runProgram(program, binding);
    return;
  }
  const gyp = require.resolve(gypModule, { paths: [manifest] });
  const before = require.cache[gyp];
  require.cache[gyp] = { id: gyp, filename: gyp, loaded: true, exports: { find: () => binding } } as NodeJS.Module;
  try {
    require(name);
  } finally {
    if (before) require.cache[gyp] = before;
    else delete require.cache[gyp];
  }
}

/** Runs tfjs-node's program as a module that lies here, so that it finds the same @tensorflow/tfjs. */
function runProgram(program: string, binding: string): void {
  const load = (id: string): unknown => (id === gypModule ? { find: () => binding } : require(id));
  const module = { exports: {} };
  const names = ['exports', 'require', 'module', '__filename', '__dirname'];
  const run = compileFunction(readFileSync(program, 'utf8'), names, { filename: program });
  run(module.exports, load, module, program, dirname(program));
}

function checkThreads(threads?: number): void {
  check(threads === undefined || threads === threadsInForce(), () => ({
    where: 'loadEngine',
    what: 'threads',
    got: threads,
    expected: `${threadsInForce()}, with which TensorFlow is already loaded in this process`,
    fix: 'Ask for it in the first loadEngine of a process.',
  }));
}

const wrongDevice = (device: 'cpu' | 'gpu'): ConstructorParameters<typeof ProtomemError>[0] =>
  device === 'gpu'
    ? {
        where: 'loadEngine',
        what: 'the GPU',
        got: 'not used by TensorFlow',
        expected: 'a GPU that TensorFlow can use',
        fix: 'npx protomem-engine doctor (of @protomem/native) says why; or read the log with TF_CPP_MIN_LOG_LEVEL=0 in a new process.',
      }
    : {
        where: 'loadEngine',
        what: 'the TensorFlow of this process',
        got: 'running on the GPU',
        expected: 'one on the CPU',
        fix: 'Start a new process for the engine "node", or hide the GPU with CUDA_VISIBLE_DEVICES=-1.',
      };

const threadsInForce = (): number => Number(process.env.TF_NUM_INTRAOP_THREADS) || usableThreads();
