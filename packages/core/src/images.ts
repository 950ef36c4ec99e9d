import type { SourceRemark } from './remarks.ts';
import type { Stateful } from './state.ts';

/** One image as a source hands it over: a file's bytes in any format that sharp decodes (SVG too). */
export interface SourceImage {
  /** For messages: a path, or `source#identity/image`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One image as pixels. */
export interface DrawnImage {
  readonly name: string;
  /** RGB, `[height, width, 3]`, row-major; the caller's own. */
  readonly pixels: Uint8Array;
}

/**
 * How a worker thread opens a source again: it imports `module` and calls its export with `options`.
 *
 * @example
 * ```ts
 * export function mySource(options: { readonly path: string }): ImageSource {
 *   return { ...rest, spec: { module: import.meta.url, export: 'mySource', options } };
 * }
 * ```
 */
export interface SourceSpec {
  /** URL of a module, such as its own `import.meta.url`. */
  readonly module: string;
  /** Name of a function that the module exports; it returns the source or a promise of it. */
  readonly export: string;
  /** The function's argument: data that `structuredClone` copies. */
  readonly options: unknown;
}

/** Images grouped by identity. Identities are 0 ... identities - 1; images of one are 0 ... imagesOf - 1. */
export interface ImageSource {
  readonly name: string;
  /** Number of identities, up to 2^53. */
  readonly identities: number;
  imagesOf(identity: number): number;
  /** Images of each identity, where all have as many: samplers then need no table of them. */
  readonly imagesPerIdentity?: number;
  /** Images up to and with each identity, where the source keeps such a table anyway: samplers share it. */
  readonly imageEnds?: ArrayLike<number>;
  /** Lets threads of a loader open the source again; one without is read in the thread that made it. */
  readonly spec?: SourceSpec;
  /** What it passed over, assumed or found in conflict when it was opened; said before its images are used. */
  readonly remarks?: readonly SourceRemark[];
  identityName(identity: number): string;
  /** Rejects with an error that names the image when it cannot be read. */
  load(identity: number, image: number): Promise<SourceImage>;
  /**
   * The image at a size, in pixels, for a source that makes it faster than a decoder does; it covers the size. Where a
   * source has this, loaders do not decode what `load` gives, which looks the same.
   */
  draw?(identity: number, image: number, height: number, width: number): Promise<DrawnImage>;
}

/** One image of a batch to come. */
export interface PlannedImage {
  readonly identity: number;
  readonly image: number;
  /** Seeds this image's augmentation, so that resuming and worker count change nothing. */
  readonly seed: number;
}

/** Chooses which images make the next batch. */
export interface Sampler extends Stateful {
  readonly batchSize: number;
  /** Batches in one pass over all identities; Infinity when there is no such thing. */
  readonly batchesPerEpoch: number;
  next(): readonly PlannedImage[];
  /** Moves on as `next` does, over a batch that another process has: without asking anybody who belongs to it. */
  skip?(): void;
}

/** A decoded batch. */
export interface ImageBatch {
  /** RGB, `[B, H, W, 3]`, row-major. */
  readonly pixels: Uint8Array;
  readonly shape: readonly [number, number, number, 3];
  /** B identities. */
  readonly labels: Float64Array;
  /** Which of its identity's images each one is, B indices; loaders of one's own may leave it out. */
  readonly images?: Float64Array;
  /** The images in the batch, in order; for messages. */
  readonly names: readonly string[];
  /**
   * Images that could not be read and were replaced, by another of the same identity where it has one; `missing`: their
   * bytes could not be had, else they are no image.
   */
  readonly skipped: readonly { readonly name: string; readonly reason: string; readonly missing?: boolean }[];
}

/** What a loader is asked for beside its stream. */
export interface ReferenceRequest {
  readonly identities: readonly number[];
  /** Of each identity, drawn from all that it has. */
  readonly images: number;
  /** Of the draw. */
  readonly seed: number;
}

/** A stream of batches whose `state` is that after the batch that `next` returned last, whatever was fetched ahead. */
export interface Loader extends Stateful {
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  next(): Promise<ImageBatch>;
  /**
   * Images of named identities, beside the stream, which does not move: decoded as those of a batch are, not augmented, and
   * the same for the same request. Where one cannot be read, another of its identity takes its place; an identity has fewer
   * images, or none, where there are no more. `skipped` names what could not be read.
   */
  references?(request: ReferenceRequest): Promise<ImageBatch>;
  close(): Promise<void>;
}
