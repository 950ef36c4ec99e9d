import { loadWasm, ProtomemError } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { Heap, WasmBackend } from './backend.ts';
import { aloneModule, sharedModule } from './loops-module.ts';
import { type Loop, startThreads } from './threads.ts';

const names = [
  ...['moments', 'gradientSums', 'normalize', 'combine', 'preluGradient', 'sumOfSquares', 'sgd'],
  ...['pack', 'product', 'convolve', 'convolutionFilterGradient', 'depthwise', 'depthwiseFilterGradient'],
  ...['winogradFilters', 'winogradConvolution', 'winogradTiles', 'winogradProducts', 'winogradToFilter'],
] as const;
type LoopName = (typeof names)[number];

/** Those that need memory besides tensors, how much of it for given sizes says a function of that name in assembly/. */
type Scratch =
  `${'product' | 'convolve' | 'convolutionFilterGradient' | `winograd${'Filters' | 'Convolution'}`}Scratch`;

/** Our compiled loops (assembly/) on the heap of a backend. */
export interface Loops {
  readonly threads: number;
  /** Runs calls of a loop, which do not depend on each other, on all threads. */
  run(name: LoopName, calls: readonly (readonly number[])[]): void;
  /** Where a tensor starts on the heap, in bytes. */
  at(tensor: tf.TensorInfo): number;
  /** A tensor with whatever its memory holds, for a loop that writes all of it. */
  uninitialized<T extends tf.Tensor>(shape: readonly number[]): T;
  /** Where pieces of memory start, as many as calls of a loop; as a tensor's, it is freed with the scope. */
  scratch(loop: Scratch, count: number, ...sizes: number[]): number[];
}

/** As in assembly/: a strip's rows and columns. */
export const [ROWS, COLUMNS] = [4, 8];

/** Columns with those that fill the last strip. */
export const padded = (columns: number): number => Math.ceil(columns / COLUMNS) * COLUMNS;

const known = new WeakMap<object, Loops>();

/**
 * The loops on a backend's heap.
 *
 * @throws ProtomemError where the heap cannot be reached
 */
export function loopsOf(backend: tf.KernelBackend): Loops {
  let loops = known.get(backend);
  if (!loops) {
    loops = makeLoops(backend as WasmBackend);
    known.set(backend, loops);
  }
  return loops;
}

/**
 * Ranges of so much work, whose ends are multiples of `multiple`: a few for each thread, so that one that is held up leaves them to
 * the others, and one alone where it would take longer to share.
 *
 * @param cost multiplications for each of `count`
 * @param perThread shares for each thread at most; default 2
 */
export function shares(
  { threads }: Loops,
  count: number,
  {
    multiple = 1,
    cost,
    perThread = 2,
  }: { readonly multiple?: number; readonly cost: number; readonly perThread?: number },
): [first: number, last: number][] {
  const units = Math.ceil(count / multiple);
  const parts = Math.min(
    threads === 1 ? 1 : perThread * threads,
    Math.max(1, Math.floor((count * cost) / LEAST)),
    units,
  );
  const end = (part: number): number => Math.min(count, Math.floor((units * part) / parts) * multiple);
  return Array.from({ length: parts }, (_, part) => [end(part), end(part + 1)]);
}

/** Multiplications that are worth a thread's being told of them: some 30 microseconds. */
const LEAST = 1 << 19;

/** Multiplications that a number takes as long as that is read from memory, and what is made of it written. */
export const READ = 4;

function makeLoops(backend: WasmBackend): Loops {
  const memory = memoryOf(backend.wasm);
  if (memory?.buffer !== backend.wasm.HEAPU8.buffer) {
    throw new ProtomemError({
      where: 'engine wasm',
      what: 'the heap of @tensorflow/tfjs-backend-wasm',
      got: 'out of reach',
      expected: 'one that kernels can be run on, as that of version 4.22',
      fix: 'Install @tensorflow/tfjs-backend-wasm@4.22, or take another engine.',
    });
  }
  const shared = !(memory.buffer instanceof ArrayBuffer);
  type Exports = Record<LoopName, Loop> & Record<Scratch, (...sizes: number[]) => number>;
  const { module, exports } = loadWasm<Exports>(shared ? sharedModule : aloneModule, { env: { memory } });
  const threads = shared ? startThreads({ module, memory, names }) : undefined;
  const at: Loops['at'] = ({ dataId }) => backend.dataIdMap.get(dataId).memoryOffset;
  const uninitialized = <T extends tf.Tensor>(shape: readonly number[]): T => {
    const dataId = backend.write(null as never, shape as number[], 'float32');
    return tf.engine().makeTensorFromTensorInfo({ dataId, shape: shape as number[], dtype: 'float32' }) as T;
  };
  return {
    threads: threads?.count ?? 1,
    at,
    uninitialized,
    run(name, calls) {
      if (threads && calls.length > 1) threads.run(names.indexOf(name), calls, exports[name]);
      else for (const call of calls) exports[name](...call);
    },
    scratch(loop, count, ...sizes) {
      const each = Math.ceil(exports[loop](...sizes) / 64) * 64;
      const first = at(uninitialized([(count * each) / 4]));
      return Array.from({ length: count }, (_, i) => first + i * each);
    },
  };
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
