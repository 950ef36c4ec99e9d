import type * as tf from '@tensorflow/tfjs';

/** A `WebAssembly.Memory`. */
export interface Heap {
  readonly buffer: ArrayBufferLike;
}

/** The part of tfjs's wasm backend that kernels use. */
export interface WasmBackend extends tf.KernelBackend {
  readonly wasm: {
    readonly HEAPU8: Uint8Array;
    /** Exports of the library, where it has a heap of its own. */
    readonly asm?: { readonly memory?: Heap };
    /** Threads, where the heap is shared with them. */
    readonly PThread?: { loadWasmModuleToWorker(worker: object): void };
    readonly tfjs: {
      registerTensor(id: number, size: number, memoryOffset: number): void;
      disposeData(id: number): void;
      getThreadsCount(): number;
    };
  };
  readonly dataIdMap: { get(dataId: tf.DataId): { id: number; memoryOffset: number } };
}
