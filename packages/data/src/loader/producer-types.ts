import type { ErrorParts, ImageBatch, PlannedImage, SourceSpec } from '@protomem/core';
import type { AugmentationOptions } from '../augment/create-augmentation.ts';
import type { AssemblerOptions } from './assemble.ts';

/** Makes batches somewhere: here, or in worker threads. */
export interface Producer {
  /** @param pass number of the pass over the data that the plan is of. */
  produce(plan: readonly PlannedImage[], pass: number): Promise<ImageBatch>;
  close(): Promise<void>;
}

/** {@link AssemblerOptions} as data, as a worker thread gets them. */
export interface ProducerSpec extends Omit<AssemblerOptions, 'source' | 'augmentation'> {
  readonly source: SourceSpec;
  readonly augmentation?: AugmentationOptions;
}

/** A plan on its way to a thread. */
export interface Job {
  readonly id: number;
  readonly plan: readonly PlannedImage[];
  readonly pass: number;
}

/** What comes back. */
export type JobResult =
  | { readonly id: number; readonly batch: ImageBatch }
  | { readonly id: number; readonly error: ErrorParts | string };
