import { setImmediate as nextTurn } from 'node:timers/promises';
import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';
import type { WebgpuBackend, WebgpuBuffer } from './backend.ts';
import { failures } from './failures.ts';

/** Of WebGPU's specification, where they are `GPUBufferUsage` and `GPUMapMode`. */
const bufferUsage = { MAP_READ: 1, COPY_DST: 8 };
const mapMode = { READ: 1 };

/**
 * Makes `dataSync` work on tfjs's `webgpu` backend under Node: the backend reads through canvases, which Node has not. And
 * makes every read throw when an operation before it failed: the backend would return zeros for a tensor too large.
 */
export async function mendReads(backend: WebgpuBackend): Promise<void> {
  const { read, readSync } = backend;
  const throwFailure = failures(backend);
  const wait = await waiter(backend);
  backend.read = async (id) => {
    const values = await read.call(backend, id);
    throwFailure();
    return values;
  };
  backend.readSync = (id) => {
    const data = backend.tensorMap.get(id);
    // The backend's own knows what the host has, and that complex numbers are two tensors.
    if (data.values != null || !data.resource) return readSync.call(backend, id);
    const bytes = download(backend, data.resource, wait);
    throwFailure();
    data.values = toValues(data.dtype, bytes);
    return data.values;
  };
}

function download(backend: WebgpuBackend, buffer: WebgpuBuffer, wait: Wait): ArrayBuffer {
  const staging = backend.bufferManager.acquireBuffer(buffer.size, bufferUsage.COPY_DST | bufferUsage.MAP_READ);
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.commandEncoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  backend.submitQueue();
  staging.mapAsync(mapMode.READ).catch(() => undefined);
  wait(() => staging.mapState !== 'pending');
  check(staging.mapState === 'mapped', () => ({
    where: 'dataSync',
    what: 'the GPU',
    got: 'lost',
    expected: 'a GPU that answers',
    fix: 'Start a new process.',
  }));
  const bytes = staging.getMappedRange().slice(0);
  staging.unmap();
  backend.bufferManager.releaseBuffer(staging);
  return bytes;
}

/** On the GPU whatever is not float32 is 32-bit integers. */
function toValues(dtype: tf.DataType, bytes: ArrayBuffer): tf.BackendValues {
  if (dtype === 'float32') return new Float32Array(bytes);
  const integers = new Int32Array(bytes);
  return dtype === 'bool' ? Uint8Array.from(integers) : integers;
}

/** Keeps the process in place until a condition holds that Dawn brings about. */
type Wait = (condition: () => boolean) => void;

/**
 * Dawn looks after what has been asked of it in a function that it hands to `setImmediate`, once and then again and again
 * while anything is open. Called in place it does the same, so that a buffer can be read without a turn of the event loop.
 */
async function waiter({ queue }: WebgpuBackend): Promise<Wait> {
  let lookAfter = undefined as (() => void) | undefined;
  // It is handed over only when it is not in the loop already: turns go by until all that was begun is done.
  for (let turn = 0; !lookAfter && turn < 1000; turn++) {
    withImmediate(
      (callback, later) => {
        lookAfter = callback;
        later(callback);
      },
      () => void queue.onSubmittedWorkDone(),
    );
    await nextTurn();
  }
  const again = lookAfter;
  check(again !== undefined, () => ({
    where: 'loadEngine',
    what: 'the package webgpu',
    got: 'another than this engine knows',
    expected: 'one that looks after its work through setImmediate, as 0.6.2 does',
    fix: 'npm install webgpu@0.6.2.',
  }));
  return (condition) => {
    withImmediate(
      () => undefined,
      () => {
        while (!condition()) again();
      },
    );
    // Each call wanted the next one: one of those is left to do.
    setImmediate(again);
  };
}

/** Runs a function to whose calls of `setImmediate` another one answers. */
function withImmediate(answer: (callback: () => void, later: typeof setImmediate) => void, run: () => void): void {
  const later = globalThis.setImmediate;
  // Its type also has the promisified form, which nobody asks for meanwhile.
  globalThis.setImmediate = ((callback: () => void) => answer(callback, later)) as unknown as typeof setImmediate;
  try {
    run();
  } finally {
    globalThis.setImmediate = later;
  }
}
