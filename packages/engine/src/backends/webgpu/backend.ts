import type * as tf from '@tensorflow/tfjs';

/** A backend as the `webgpu` one. tfjs says of its backends only what all have: nothing of its types leads there. */
export const webgpu = (backend: tf.KernelBackend): WebgpuBackend => backend as unknown as WebgpuBackend;

/** The parts of tfjs's `webgpu` backend that are used here. */
export interface WebgpuBackend {
  readonly device: { addEventListener(event: 'uncapturederror', listener: (event: WebgpuErrorEvent) => void): void };
  readonly queue: { onSubmittedWorkDone(): Promise<void> };
  readonly tensorMap: { get(id: tf.DataId): WebgpuData };
  readonly bufferManager: {
    acquireBuffer(size: number, usage: number): WebgpuBuffer;
    releaseBuffer(buffer: WebgpuBuffer): void;
  };
  readonly commandEncoder: {
    copyBufferToBuffer(from: WebgpuBuffer, fromByte: number, to: WebgpuBuffer, toByte: number, bytes: number): void;
  };
  /** Opens {@link commandEncoder}. */
  ensureCommandEncoderReady(): void;
  /** Ends the computations recorded so far, so that a copy may follow. */
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(id: tf.DataId): void;
  runWebGPUProgram(program: WebgpuProgram, inputs: readonly tf.TensorInfo[], dtype: tf.DataType): tf.TensorInfo;
  shouldExecuteOnCPU(inputs: readonly tf.TensorInfo[]): boolean;
  disposeData(id: tf.DataId): void;
  read(id: tf.DataId): Promise<tf.BackendValues>;
  readSync(id: tf.DataId): tf.BackendValues;
}

/** A shader in WGSL, with the functions for its inputs and its output that the backend writes before it. */
export interface WebgpuProgram {
  readonly variableNames: readonly string[];
  readonly outputShape: readonly number[];
  readonly workgroupSize: readonly [number, number, number];
  readonly dispatchLayout: { readonly x: readonly number[] };
  readonly dispatch: readonly [number, number, number];
  /** Whether the shader has `uniforms.size`. */
  readonly size: boolean;
  /** Under which it is kept, compiled. */
  readonly shaderKey: string;
  getUserCode(): string;
}

/** What a tensor consists of. */
interface WebgpuData {
  readonly dtype: tf.DataType;
  /** Where it lies on the GPU, once it is there. */
  readonly resource?: WebgpuBuffer;
  /** Its values where the host knows them: those that it was made from, or that have been read. */
  values?: tf.BackendValues | null;
}

export interface WebgpuBuffer {
  readonly size: number;
  readonly mapState: 'unmapped' | 'pending' | 'mapped';
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
}

interface WebgpuErrorEvent {
  readonly error: { readonly message: string };
  preventDefault(): void;
}
