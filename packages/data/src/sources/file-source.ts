import type { ImageSource } from '@protomem/core';
import { builtInSpec } from './built-in-spec.ts';
import { readFile } from './read-file.ts';
import { builtIn } from './thread-spec.ts';

/** Image files in a given order, each as an identity with one image: for evaluation, where identities do not matter. */
export function fileSource(files: readonly string[]): ImageSource {
  return builtIn({
    name: 'files',
    spec: builtInSpec('fileSource', files),
    identities: files.length,
    imagesPerIdentity: 1,
    imagesOf: () => 1,
    identityName: (identity) => files[identity]!,
    load: async (identity) => ({ name: files[identity]!, bytes: await readFile(files[identity]!) }),
  });
}
