import { check, ProtomemError } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { EngineName, Started, StartOptions } from '../engine-info.ts';
import { activate, checkFloat32, checkOneThread } from './start-checks.ts';
import type { WasmBackend } from './wasm/backend.ts';
import { type ThreadWorker, useThreads } from './wasm/threads.ts';
import { webgpu } from './webgpu/backend.ts';
import { failures } from './webgpu/failures.ts';

/** What is used of a browser, whose types TypeScript knows only together with the whole DOM. */
const { navigator, Worker } = globalThis as unknown as {
  readonly navigator: { readonly hardwareConcurrency: number; readonly gpu?: Gpu };
  readonly Worker: new (url: string) => ThreadWorker;
};
interface Gpu {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>;
}
interface Adapter {
  readonly info: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
    readonly isFallbackAdapter?: boolean;
  };
  /** Where browsers before 2024 had it. */
  readonly isFallbackAdapter?: boolean;
}

/** Names of drawing in software: Chromium's, Mesa's and Microsoft's. */
const software = /swiftshader|llvmpipe|softpipe|basic render|software/i;

/** Device of the backend that is patched already. */
let gpu: string | undefined;

/** Starts tfjs's `webgpu` backend. */
export async function startWebgpu(options: StartOptions): Promise<Started> {
  checkOneThread('webgpu', options);
  checkFloat32('webgpu', options);
  checkImported('webgpu', '@tensorflow/tfjs-backend-webgpu');
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  check(adapter !== null && adapter !== undefined, () => ({
    where: 'loadEngine',
    what: 'the WebGPU adapter',
    got: 'missing',
    expected: 'a browser and a GPU that have one',
  }));
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unnamed GPU';
  const slow = (isFallbackAdapter ?? adapter.isFallbackAdapter) || software.test(`${name} ${architecture}`);
  checkHardware(options, name, slow);
  await activate('webgpu');
  if (!gpu) throwFailures();
  gpu = slow ? `${name}, a software adapter` : name;
  return started('webgpu', gpu);
}

/** The backend would return zeros for what the GPU could not do; it says so after a turn of the event loop. */
function throwFailures(): void {
  const backend = webgpu(tf.backend());
  const { read, readSync } = backend;
  const throwFailure = failures(backend);
  backend.read = async (id) => {
    const values = await read.call(backend, id).catch(lost);
    throwFailure();
    return values;
  };
  backend.readSync = (id) => {
    const values = readSync.call(backend, id);
    throwFailure();
    return values;
  };
}

function lost(cause: Error): never {
  throw new ProtomemError(
    {
      where: 'webgpu',
      what: 'the GPU',
      got: `lost (${cause.message})`,
      expected: 'a GPU that answers',
      fix: 'Reload the page; where it happens again, take the engine webgl or wasm.',
    },
    { cause },
  );
}

/** Starts tfjs's `webgl` backend. */
export async function startWebgl(options: StartOptions): Promise<Started> {
  checkOneThread('webgl', options);
  checkFloat32('webgl', options);
  await activate('webgl');
  check(tf.env().getBool('WEBGL_RENDER_FLOAT32_CAPABLE'), () => ({
    where: 'loadEngine',
    what: 'the precision of WebGL on this device',
    got: 'float16',
    expected: 'float32, which training needs',
  }));
  const { gl } = (tf.backend() as unknown as WebglBackend).gpgpu;
  gl.getExtension('WEBGL_debug_renderer_info');
  const name = String(gl.getParameter(UNMASKED_RENDERER) ?? 'unnamed GPU');
  checkHardware(options, name, software.test(name));
  return started('webgl', name);
}

const UNMASKED_RENDERER = 0x9246;
interface WebglBackend {
  readonly gpgpu: {
    readonly gl: { getExtension(name: string): unknown; getParameter(name: number): unknown };
  };
}

/** Starts tfjs's `wasm` backend, with threads where the page is isolated from other origins. */
export async function startWasm(options: StartOptions): Promise<Started> {
  checkFloat32('wasm', options);
  checkImported('wasm', '@tensorflow/tfjs-backend-wasm');
  await activate('wasm', 'Serve the .wasm files of the package, and say where: setWasmPaths("/folder/").');
  const threaded = await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT');
  const threads = threaded ? (tf.backend() as unknown as WasmBackend).wasm.tfjs.getThreadsCount() : 1;
  useThreads(threads, (source) => new Worker(URL.createObjectURL(new Blob([source]))));
  check(options.threads === undefined || options.threads === threads, () => ({
    where: 'loadEngine',
    what: 'threads',
    got: options.threads,
    expected: `${threads}, which the wasm backend has`,
    fix: 'Call setThreadsCount of @tensorflow/tfjs-backend-wasm before; a page has threads where crossOriginIsolated is true.',
  }));
  return started('wasm', processor(), threads);
}

/** Starts tfjs's `cpu` backend: plain JavaScript. */
export async function startCpu(options: StartOptions): Promise<Started> {
  checkOneThread('cpu', options);
  checkFloat32('cpu', options);
  await activate('cpu');
  return started('cpu', processor());
}

/** No browser tells more. */
const processor = (): string => `a processor of ${navigator.hardwareConcurrency} threads`;

const started = (backend: string, device: string, threads = 1): Started => ({
  ...{ backend, device, threads },
  version: tf.version.tfjs,
  precision: 'float32',
});

/** What a page uses has to be in its bundle: only an import that is written there brings it in. */
function checkImported(engine: EngineName, packageName: string): void {
  check(tf.findBackendFactory(engine) !== null, () => ({
    where: 'loadEngine',
    what: packageName,
    got: 'not imported',
    expected: `import '${packageName}' in the page's program, in the version of @tensorflow/tfjs`,
  }));
}

function checkHardware({ hardware }: StartOptions, name: string, slow: boolean): void {
  check(!hardware || !slow, () => ({
    where: 'loadEngine',
    what: 'the GPU',
    got: name,
    expected: 'one that is no software',
    fix: 'Ask for the engine by name to have it all the same.',
  }));
}
