import { type OptionsOf, option } from '@protomem/core';
import type { Cluster } from './collective/cluster.ts';

/** An engine: tfjs with one of its backends. Fastest first, where `webgpu` has a GPU. `webgl` is for browsers, `node` and `node-gpu` for Node. */
export type EngineName = 'node-gpu' | 'node' | 'webgpu' | 'webgl' | 'wasm' | 'cpu';

/**
 * How convolutions and what lies between them compute: in float32, or mixed, as PyTorch's autocast does: factors rounded to
 * `bfloat16`, products and norms summed in float32, activations and their gradients kept in bfloat16. Weights, their
 * gradients, statistics, optimizer and everything after the last convolution stay float32. The second needs half the
 * memory for activations and, on processors with instructions for it, about half the time.
 */
export type Precision = 'float32' | 'bfloat16';

/** What {@link loadEngine} can be asked for. */
export const loadEngineOptions = {
  /** An engine asked for by name that does not load is an error, never another engine. */
  prefer: option.choice(
    ['auto', 'node-gpu', 'node', 'webgpu', 'webgl', 'wasm', 'cpu'] as const satisfies readonly (EngineName | 'auto')[],
    {
      help: 'An engine by name, or `auto` for the fastest that loads: node-gpu, node, wasm, cpu, in a browser webgl, wasm, cpu; never webgpu.',
      default: 'auto',
    },
  ),
  /** `cpu`, `webgl` and `webgpu` have one; in a browser `setThreadsCount` of the wasm backend says how many it has. */
  threads: option.integer({
    help: 'Threads of one operation.',
    min: 1,
    max: 1024,
    absent: '`TF_NUM_INTRAOP_THREADS` for node, else as many as this process may use',
  }),
  precision: option.choice(['float32', 'bfloat16'] as const satisfies readonly Precision[], {
    help: 'Precision of convolutions and the activations between them; only node and node-gpu have bfloat16.',
    default: 'float32',
  }),
  /** Of one process: none. See {@link Cluster}. */
  cluster: option.given<Cluster>()({
    help: 'The processes that work together, through `collective()`; only node and node-gpu have more than one.',
    absent: 'this process alone',
  }),
};

/** What {@link loadEngine} is asked for. */
export type LoadEngineOptions = OptionsOf<typeof loadEngineOptions>;

/** An engine that was tried and not taken. */
export interface RejectedEngine {
  readonly engine: EngineName;
  readonly reason: string;
}

/** What runs now. */
export interface EngineInfo {
  readonly engine: EngineName;
  /** The tfjs backend's name, as `tf.getBackend()` gives it. */
  readonly backend: string;
  /** Model of the processor or GPU. */
  readonly device: string;
  /** Version of TensorFlow (node, node-gpu) or of the tfjs backend (webgpu, wasm, cpu); in a browser of tfjs. */
  readonly version: string;
  /** Threads of one operation. */
  readonly threads: number;
  readonly precision: Precision;
  /** The faster ones, which do not load here. */
  readonly rejected: readonly RejectedEngine[];
}

/** What the start of one engine is asked for, and gives. */
export interface StartOptions extends Pick<LoadEngineOptions, 'threads' | 'precision' | 'cluster'> {
  /** Under `'auto'`: no software adapter, which is slower than the engines after it. */
  readonly hardware?: boolean;
}
export type Started = Omit<EngineInfo, 'engine' | 'rejected'>;
