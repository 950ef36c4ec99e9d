import type { ImageSource } from '@protomem/core';

/** What a worker thread gets to rebuild a source: data that `structuredClone` copies. */
export interface SourceSpec {
  /** The key of its opener in `sourceOpeners`. */
  readonly kind: string;
}

/** A source that a worker thread can rebuild, because it can be told as data. Built-in sources are such sources. */
export interface DescribedSource extends ImageSource {
  readonly spec: SourceSpec;
}

/** The description of a source, if it has one. */
export function specOf(source: ImageSource): SourceSpec | undefined {
  return (source as Partial<DescribedSource>).spec;
}
