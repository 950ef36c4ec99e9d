import os from 'node:os';
import { dirname, join } from 'node:path';
import workerThreads from 'node:worker_threads';
import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { Started, StartOptions } from '../../engine-info.ts';
import { findNeeded, require } from '../../packages.ts';
import { processor, usableThreads } from '../../processor.ts';
import { activate, checkFloat32, checkSameCore } from '../start-checks.ts';
import { useThreads } from './threads.ts';

const packageName = '@tensorflow/tfjs-backend-wasm';

/** Listeners that emscripten hangs on the process, although an error elsewhere is none of its business. */
const processEvents = ['uncaughtException', 'unhandledRejection'] as const;

/** Starts tfjs's `wasm` backend with SIMD and, unlike the package on its own, with threads under Node. */
export async function startWasm(options: StartOptions): Promise<Started> {
  const { threads } = options;
  checkFloat32('wasm', options);
  findNeeded(packageName, `npm install ${packageName}.`);
  const wasm = require(packageName) as typeof import('@tensorflow/tfjs-backend-wasm');
  checkSameCore('wasm', packageName);
  const started = tf.engine().registry.wasm !== undefined;
  if (!started) await start(wasm, threads ?? usableThreads());
  await activate('wasm');
  const running = (await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT')) ? wasm.getThreadsCount() : 1;
  check(threads === undefined || threads === running, () => ({
    where: 'loadEngine',
    what: 'threads',
    got: threads,
    expected: `${running}, with which the wasm backend is already loaded in this process`,
    fix: 'Ask for them in the first loadEngine of a process.',
  }));
  return {
    backend: 'wasm',
    device: processor(),
    version: wasm.version_wasm,
    threads: running,
    precision: 'float32',
  };
}

type WasmBackend = typeof import('@tensorflow/tfjs-backend-wasm');

async function start(wasm: WasmBackend, threads: number): Promise<void> {
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1);
  wasm.setThreadsCount(threads);
  useThreads(threads, beginThread);
  const listeners = processEvents.map((event) => process.listeners(event as 'uncaughtException'));
  const restore = threads > 1 ? provideThreads(threads) : () => undefined;
  try {
    await tf.setBackend('wasm');
  } finally {
    restore();
    processEvents.forEach((event, i) => {
      for (const listener of process.listeners(event as 'uncaughtException')) {
        if (!listeners[i]!.includes(listener)) process.removeListener(event, listener);
      }
    });
  }
}

/** For our own loops; a process that has nothing else to do may end. */
function beginThread(source: string): workerThreads.Worker {
  const worker = new workerThreads.Worker(source, { eval: true, execArgv: [] });
  // The others do its work.
  worker.on('error', ({ message }) => process.emitWarning(`protomem: the engine wasm has a thread less: ${message}`));
  worker.unref();
  return worker;
}

/**
 * The package starts its threads as a browser does: workers from blob URLs, which Node does not load. Until the function
 * that comes back is called, `Worker` gives it the same sources by file, and `os.cpus` reports twice the threads, since
 * the library sizes its pool as half of the cores. No file of the package is changed.
 */
function provideThreads(threads: number): () => void {
  const { Worker } = workerThreads;
  const { cpus } = os;
  const files = join(dirname(require.resolve(`${packageName}/package.json`)), 'wasm-out');
  const main = join(files, 'tfjs-backend-wasm-threaded-simd.js');
  const { wasmWorkerContents } = require(join(files, 'tfjs-backend-wasm-threaded-simd.worker.js')) as {
    wasmWorkerContents: string;
  };

  class PoolWorker extends Worker {
    constructor(file: string | URL, options?: workerThreads.WorkerOptions) {
      const ofPool = String(file).startsWith('blob:');
      // The package keeps the source as it stands inside a string literal: its line breaks are to be escaped again.
      super(
        ofPool ? wasmWorkerContents.replaceAll('\n', '\\n') : file,
        ofPool ? { ...options, eval: true, execArgv: [] } : options,
      );
      if (!ofPool) return;
      const { postMessage } = this;
      this.postMessage = (message, transfer) =>
        postMessage.call(this, message?.cmd === 'load' ? { ...message, urlOrBlob: main } : message, transfer);
      // A process that has nothing else to do may end; emscripten would hold it up while the pool lives.
      this.unref();
      this.ref = () => undefined;
    }
  }

  workerThreads.Worker = PoolWorker;
  os.cpus = () => Array.from({ length: 2 * threads }, () => cpus()[0]!);
  return () => {
    workerThreads.Worker = Worker;
    os.cpus = cpus;
  };
}
