import { readFile } from 'node:fs/promises';
import type { ImageSource } from '@protomem/core';

export function numberedFiles(options: { readonly folder: string; readonly people: number }): ImageSource {
  return {
    name: options.folder,
    identities: options.people,
    imagesPerIdentity: 10,
    imagesOf: () => 10,
    identityName: (identity) => `person ${identity}`,
    async load(identity, image) {
      const name = `${options.folder}/${identity}-${image}.jpg`;
      return { name, bytes: await readFile(name) };
    },
    spec: { module: import.meta.url, export: 'numberedFiles', options },
  };
}

export {};
