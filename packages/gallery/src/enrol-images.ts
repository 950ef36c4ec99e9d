import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { type OptionsOf, option, ProtomemError, Remarks, readOptions, type SourceRemark } from '@protomem/core';
import type { EmbeddingModel } from '@protomem/protocols';
import { embedFaces, type FindFacesOptions, type FoundFace, findFaces, findFacesOptions } from './find-faces.ts';
import type { Gallery } from './gallery.ts';
import type { People } from './open-people.ts';

const { name: _, ...faceOptions } = findFacesOptions;

export const enrolImagesOptions = {
  ...faceOptions,
  largest: option.flag({
    help: 'Of several faces in a photo, enrol the largest; else it is left out.',
    default: false,
  }),
  anyQuality: option.flag({ help: 'Enrol faces that are too small or blurred, too.', default: false }),
  minNorm: option.number({
    help: 'Leave out faces whose embedding is shorter: of an encoder whose norm tells quality, such as one trained by `mag-face`.',
    min: 0,
    default: 0,
  }),
  batch: option.integer({ help: 'Faces embedded at a time.', min: 1, max: 4096, default: 32 }),
  onProgress: option.given<(progress: { readonly done: number; readonly total: number }) => void>()({
    help: 'Called as images are done.',
    absent: 'nothing',
  }),
  signal: option.given<AbortSignal>()({ help: 'Ends the work; who is enrolled stays.', absent: 'none' }),
};

export type EnrolImagesOptions = OptionsOf<typeof enrolImagesOptions>;

/** What became of images. */
export interface EnrolledImages {
  readonly images: number;
  readonly added: number;
  /** There already, by name and content: not looked at again. */
  readonly known: number;
  readonly people: number;
  /** Why others were left out, each reason counted. */
  readonly leftOut: readonly SourceRemark[];
}

/**
 * Enrols everybody on some images. An image that shows no face, several faces, or one of bad quality is left out and
 * counted. Images that are in the gallery already are passed over, so that a folder may be enrolled again after others were added.
 *
 * @example
 * ```ts
 * const { added, leftOut } = await enrolImages(gallery, model, await openPeople('staff'), { detect });
 * ```
 */
export async function enrolImages(
  gallery: Gallery,
  model: EmbeddingModel,
  { source, personOf }: People,
  options: EnrolImagesOptions = {},
): Promise<EnrolledImages> {
  const settings = readOptions('enrolImages', enrolImagesOptions, options);
  const { largest, anyQuality, minNorm, batch, onProgress, signal, ...finding } = settings;
  const width = model.embeddingSize;
  const leftOut = new Remarks();
  const skip = (reason: string, name: string): void => leftOut.add('passed over', reason, name);
  const people = new Set<string>();
  let [images, added, known, total] = [0, 0, 0, 0];
  for (let identity = 0; identity < source.identities; identity++) total += source.imagesOf(identity);

  let waiting: { person: string; image: string; name: string; face: FoundFace }[] = [];
  const flush = async (): Promise<void> => {
    const parts: Float32Array[] = [];
    const norms: number[] = [];
    for (let at = 0; at < waiting.length; at += batch) {
      const found = await embedFaces(
        model,
        waiting.slice(at, at + batch).map(({ face }) => face),
      );
      for (let i = 0; i < found.norms.length; i++) parts.push(found.embeddings.subarray(i * width, (i + 1) * width));
      norms.push(...found.norms);
    }
    const enrolments = new Map<string, { image: string; embedding: Float32Array }[]>();
    for (const [i, { person, image, name }] of waiting.entries()) {
      if (norms[i]! < minNorm) {
        skip('faces whose embedding is too short', name);
        continue;
      }
      const embedding = parts[i]!;
      enrolments.set(person, [...(enrolments.get(person) ?? []), { image, embedding }]);
    }
    waiting = [];
    const found = await gallery.enrol(Array.from(enrolments, ([person, images]) => ({ person, images })));
    added += found.added;
    for (const person of enrolments.keys()) people.add(person);
  };

  for (let identity = 0; identity < source.identities; identity++) {
    for (let i = 0; i < source.imagesOf(identity); i++) {
      signal?.throwIfAborted();
      const { name, bytes } = await source.load(identity, i);
      const person = personOf(identity, name);
      // A person's images are enrolled together.
      if (waiting.length >= batch && waiting.at(-1)!.person !== person) await flush();
      const image = imageName(basename(name), bytes);
      images++;
      if (
        gallery.find(person)?.images.includes(image) ||
        waiting.some((one) => one.person === person && one.image === image)
      ) {
        known++;
        people.add(person);
      } else {
        const face = await faceToEnrol(model, bytes, { ...finding, name, largest, anyQuality }).catch(unreadable);
        if (typeof face === 'string') skip(face, name);
        else waiting.push({ person, image, name, face });
      }
      onProgress?.({ done: images, total });
    }
  }
  if (waiting.length > 0) await flush();
  return { images, added, known, people: people.size, leftOut: leftOut.list() };
}

/** What an image is called in a gallery: the same image twice has one name. */
export const imageName = (name: string, bytes: Uint8Array): string =>
  `${name} ${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`.trim();

function unreadable(error: unknown): string {
  if (!(error instanceof ProtomemError)) throw error;
  return 'images that cannot be read';
}

/**
 * The one face of a photo that may be enrolled, or why there is none.
 *
 * @throws ProtomemError when the photo is damaged, too large or no image.
 */
export async function faceToEnrol(
  model: Pick<EmbeddingModel, 'inputSize'>,
  bytes: Uint8Array,
  options: FindFacesOptions & Pick<EnrolImagesOptions, 'largest' | 'anyQuality'> = {},
): Promise<FoundFace | string> {
  const { largest, anyQuality, ...finding } = options;
  const { faces, unaligned } = await findFaces(model, bytes, finding);
  const [face, ...others] = faces;
  if (!face) return unaligned > 0 ? 'photos with landmarks that no face has' : 'photos without a face';
  if (others.length > 0 && !largest) return 'photos with several faces';
  if (face.faults.length > 0 && !anyQuality)
    return `faces that are ${face.faults.map((one) => one.replace(/ \(.*/, '')).join(' and ')}`;
  return face;
}
