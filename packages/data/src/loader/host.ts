import type { Decode } from '../decode-options.ts';
import type { Producer, ProducerSpec } from './producer-types.ts';

/** What a loader has of what it runs on. */
export interface Host {
  readonly decode: Decode;
  /** Threads that make batches; absent where there are none. */
  createPool?(spec: ProducerSpec, size: number): Producer;
}
