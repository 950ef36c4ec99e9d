/** An engine: tfjs with one of its backends. Fastest first; `webgpu` is not available yet. */
export type EngineName = 'node-gpu' | 'node' | 'webgpu' | 'wasm' | 'cpu';

/**
 * How convolutions and matrix products multiply: in float32, or in `bfloat16-math`, where oneDNN rounds the factors to
 * bfloat16 and sums in float32 (tensors stay float32). The second is up to twice as fast on CPUs that support it.
 */
export type Precision = 'float32' | 'bfloat16-math';

/** What {@link loadEngine} is asked for. */
export interface LoadEngineOptions {
  /** An engine by name, or `'auto'` (the default) for the fastest that loads: node-gpu, node, wasm, cpu. */
  readonly prefer?: EngineName | 'auto';
  /** Threads of one operation. Default: `TF_NUM_INTRAOP_THREADS` for node, else as many as this process may use. */
  readonly threads?: number;
  /** Default: what the environment says (`TF_SET_ONEDNN_FPMATH_MODE`), else `'float32'`. Only `node` has another. */
  readonly precision?: Precision;
}

/** An engine that was tried and not taken. */
export interface PassedOver {
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
  /** Version of TensorFlow (node, node-gpu) or of the tfjs backend (wasm, cpu). */
  readonly version: string;
  /** Threads of one operation. */
  readonly threads: number;
  /** What the engine was measured to do, which on a CPU without bfloat16 is float32 whatever was asked. */
  readonly precision: Precision;
  readonly passedOver: readonly PassedOver[];
}

/** What the start of one engine is asked for, and gives. */
export type StartOptions = Pick<LoadEngineOptions, 'threads' | 'precision'>;
export type Started = Omit<EngineInfo, 'engine' | 'passedOver'>;
