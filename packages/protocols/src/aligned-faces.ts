import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { faceTransform, type Landmarks, readPhoto, warpPhoto } from '@protomem/alignment';
import { type ImageSource, ProtomemError } from '@protomem/core';
import { systemReason } from '@protomem/core/node';
import type { IjbFaces } from '@protomem/data';
import sharp from 'sharp';

const SIDE = 112;

/**
 * Images of a folder as faces on the ArcFace template, made when they are asked for.
 *
 * @param found where the faces are; undefined when the images are faces already.
 */
export function alignedFaces(
  folder: string | undefined,
  names: readonly string[],
  found: { readonly detected: IjbFaces; readonly places: readonly number[] } | undefined,
): ImageSource {
  return {
    name: 'aligned faces',
    identities: names.length,
    imagesOf: () => 1,
    identityName: (i) => names[i]!,
    async load(i) {
      const name = names[i]!;
      const bytes = await readFile(join(folder ?? '', name)).catch((error: Error) => {
        const fix = folder === undefined ? 'Name the folder of the images with --images.' : 'Check --images.';
        const [got, expected] = [systemReason(error), 'an image that the meta files name'];
        throw new ProtomemError({ where: 'evaluate', what: name, got, expected, fix }, { cause: error });
      });
      if (!found) return { name, bytes };
      const at = 10 * found.places[i]!;
      const landmarks = Array.from({ length: 5 }, (_, k) => [
        found.detected.landmarks[at + 2 * k]!,
        found.detected.landmarks[at + 2 * k + 1]!,
      ]) as unknown as Landmarks;
      const photo = await readPhoto(bytes, { name });
      const { transform } = faceTransform(landmarks, SIDE, photo);
      const { pixels } = warpPhoto(photo, transform, { width: SIDE, height: SIDE });
      const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
      return { name, bytes: await sharp(pixels, { raw }).png({ compressionLevel: 1 }).toBuffer() };
    },
  };
}
