import { createHash } from 'node:crypto';
import type { ImageSource } from '@protomem/core';
import { readVerificationBin } from '@protomem/data';
import type { PairFaces } from './list-faces.ts';

/** The images of InsightFace's `.bin`: one that stands in several pairs, as most of LFW's do, is there once. */
export async function binFaces(file: string): Promise<PairFaces> {
  const bin = await readVerificationBin(file);
  const rows = new Map<string, number>();
  const images: number[] = [];
  const pairs = new Int32Array(bin.images);
  for (let i = 0; i < bin.images; i++) {
    const digest = createHash('sha256')
      .update(await bin.image(i))
      .digest('base64');
    const row = rows.get(digest) ?? images.push(i) - 1;
    rows.set(digest, row);
    pairs[i] = row;
  }
  const names = images.map((i) => `${file}#${i}`);
  const source: ImageSource = {
    name: file,
    identities: images.length,
    imagesOf: () => 1,
    identityName: (row) => names[row]!,
    load: async (row) => ({ name: names[row]!, bytes: await bin.image(images[row]!) }),
  };
  return { faces: { names, source }, pairs, labels: bin.issame };
}
