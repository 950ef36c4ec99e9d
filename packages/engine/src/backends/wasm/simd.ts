import * as tf from '@tensorflow/tfjs';
import type { Kernel } from '../../kernels/training-kernels.ts';
import type { Heap, WasmBackend } from './backend.ts';
import { aloneModule, sharedModule } from './simd-module.ts';

/** What is used of `WebAssembly`, which TypeScript knows only together with the whole DOM. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object, imports: object) => { readonly exports: unknown };
  };
};

type Loop = (...pointersAndSizes: number[]) => void;

/** Our compiled loops (assembly/training-kernels.ts) on the heap of a backend: pointers first, then sizes. */
export interface Simd {
  readonly moments: Loop;
  readonly gradientSums: Loop;
  readonly normalize: Loop;
  readonly combine: Loop;
  readonly preluGradient: Loop;
  readonly depthwiseFilterGradient: Loop;
  readonly winogradTiles: Loop;
  readonly winogradResults: Loop;
  readonly winogradFilters: Loop;
  readonly winogradFilterGradient: Loop;
}

const instances = new WeakMap<object, Simd | undefined>();

/** The loops on a backend's heap; undefined where the heap cannot be reached, as a later tfjs may have it. */
export function simdOf(backend: tf.KernelBackend): Simd | undefined {
  if (!instances.has(backend)) instances.set(backend, instantiate((backend as WasmBackend).wasm));
  return instances.get(backend);
}

/** A kernel that runs on the loops, or another one where the heap is out of reach. */
export function withSimd<I, O, A>(
  kernel: (simd: Simd, ...call: Parameters<Kernel<I, O, A>>) => O,
  otherwise: Kernel<I, O, A>,
): Kernel<I, O, A> {
  return (inputs, attrs, backend) => {
    const simd = simdOf(backend);
    return simd ? kernel(simd, inputs, attrs, backend) : otherwise(inputs, attrs, backend);
  };
}

/** Where a tensor starts on the heap, in bytes. */
export function pointer(backend: tf.KernelBackend, { dataId }: tf.TensorInfo): number {
  return (backend as WasmBackend).dataIdMap.get(dataId).memoryOffset;
}

/** A tensor with whatever its memory holds, for a loop that writes all of it. */
export function uninitialized<T extends tf.Tensor>(shape: T['shape'], backend: tf.KernelBackend): T {
  const dataId = backend.write(null as never, shape, 'float32');
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype: 'float32' }) as T;
}

function instantiate(wasm: WasmBackend['wasm']): Simd | undefined {
  const memory = memoryOf(wasm);
  if (memory?.buffer !== wasm.HEAPU8.buffer) return undefined;
  const shared = !(memory.buffer instanceof ArrayBuffer);
  const bytes = Uint8Array.from(atob(shared ? sharedModule : aloneModule), (character) => character.charCodeAt(0));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  return instance.exports as Simd;
}

/** A heap that is shared is shown only to workers, in the first message they get; so one that only listens is given. */
function memoryOf({ asm, PThread }: WasmBackend['wasm']): Heap | undefined {
  let memory = asm?.memory;
  PThread?.loadWasmModuleToWorker({
    on: () => undefined,
    postMessage: (message: { wasmMemory?: Heap }) => {
      memory = message.wasmMemory;
    },
  });
  return memory;
}
