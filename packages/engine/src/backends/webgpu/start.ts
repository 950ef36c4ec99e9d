import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { Started, StartOptions } from '../../engine-info.ts';
import { findNeeded, require } from '../../packages.ts';
import { activate, checkFloat32, checkOneThread, checkSameCore } from '../start-checks.ts';
import { webgpu } from './backend.ts';
import { mendReads } from './read.ts';

const backendPackage = '@tensorflow/tfjs-backend-webgpu';
const dawnPackage = 'webgpu';

/** The parts of Dawn's package, and of WebGPU, that are looked at here. */
interface Dawn {
  create(options: readonly string[]): Gpu;
  readonly globals: object;
}
interface Gpu {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<{ info: AdapterInfo } | null>;
}
interface AdapterInfo {
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter: boolean;
}

/** What WebGPU runs on; kept, since Dawn ends with it. One for a process: what it has started stays. */
let running: { readonly gpu: Gpu; readonly device: string } | undefined;

/** Starts tfjs's `webgpu` backend, which is made for browsers, on Dawn, the WebGPU of Chrome as a package for Node. */
export async function startWebgpu(options: StartOptions): Promise<Started> {
  checkOneThread('webgpu', options);
  checkFloat32('webgpu', options);
  const fix = `npm install ${backendPackage} ${dawnPackage}.`;
  const { version } = findNeeded(backendPackage, fix);
  findNeeded(dawnPackage, fix);
  running ??= await start();
  await activate('webgpu');
  return {
    backend: 'webgpu',
    device: running.device,
    version,
    threads: 1,
    precision: 'float32',
  };
}

async function start(): Promise<NonNullable<typeof running>> {
  const { create, globals } = (await import(dawnPackage)) as Dawn;
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  check(adapter !== null, () => ({
    where: 'loadEngine',
    what: 'the WebGPU adapter',
    got: 'missing',
    expected: 'a GPU with a driver for Vulkan (Linux), Metal (macOS) or Direct3D 12 (Windows)',
    fix: 'Install the driver with its Vulkan part; for a slow software adapter, mesa-vulkan-drivers 25 or newer (Debian).',
  }));
  Object.assign(globalThis, globals);
  const restore = provideNavigator(gpu);
  try {
    require(backendPackage);
    checkSameCore('webgpu', backendPackage);
    await tf.setBackend('webgpu');
  } finally {
    restore();
  }
  await mendReads(webgpu(tf.backend()));
  const { device, description, isFallbackAdapter } = adapter.info;
  return { gpu, device: `${device} (${description})${isFallbackAdapter ? ', a software adapter' : ''}` };
}

/**
 * Gives the process the `navigator.gpu` that the backend looks for while it starts, until the function that comes back is
 * called: for good it would hold the process up at its end. Node 20 has no `navigator`, later ones have a read-only one.
 */
function provideNavigator(gpu: Gpu): () => void {
  const { navigator } = globalThis as { navigator?: object };
  if (navigator) {
    Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
    return () => Reflect.deleteProperty(navigator, 'gpu');
  }
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  return () => Reflect.deleteProperty(globalThis, 'navigator');
}
