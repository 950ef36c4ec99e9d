import type { ImageSource, SourceImage } from '@protomem/core';
import type { DescribedSource, SourceSpec } from './described-source.ts';
import { readFile } from './read-file.ts';

/** A list of image files; each is an identity of its own. */
export interface FileList extends SourceSpec {
  readonly kind: 'files';
  readonly files: readonly string[];
}

/** Image files in a given order, each as an identity with one image: for evaluation, where identities do not matter. */
export function fileSource(files: readonly string[]): ImageSource {
  return sourceOfFiles({ kind: 'files', files });
}

/** @internal The source that a list describes. */
export function sourceOfFiles(spec: FileList): DescribedSource {
  const { files } = spec;
  return {
    name: 'files',
    spec,
    identities: files.length,
    imagesPerIdentity: 1,
    imagesOf: () => 1,
    identityName: (identity) => files[identity]!,
    load: async (identity): Promise<SourceImage> => ({
      name: files[identity]!,
      bytes: await readFile(files[identity]!),
    }),
  };
}
