import type { ImageSource, Options } from '@protomem/core';
import type { WriteOptions } from './each-image.ts';

/** What lies at a path; enough for most formats to recognize what is theirs. */
export interface DatasetPath {
  readonly path: string;
  /** `missing` for a pattern that names several files, too. */
  readonly kind: 'file' | 'folder' | 'missing';
  /** Names of the files in the folder; none for a file. */
  readonly entries: readonly string[];
}

/** A way to keep images of identities. */
export interface DatasetFormat {
  /** What it looks like, in a few words. */
  readonly help: string;
  recognize(at: DatasetPath): boolean;
  /** Of `open`, where it takes any. */
  readonly options?: Options;
  open(path: string, options?: object): Promise<ImageSource>;
  write(source: ImageSource, path: string, options: WriteOptions): Promise<void>;
}
