import { type EmbeddingModel, normalizeRows } from '@protomem/protocols';
import { facesOf } from './faces.ts';

/** How near a written model is to the encoder that it was made from. */
export interface Agreement {
  /** What ran it. */
  readonly by: string;
  readonly images: number;
  /** In words. */
  readonly faces: string;
  readonly lowest: number;
  readonly mean: number;
}

/** What a model has to have to be compared. */
export type Compared = Pick<EmbeddingModel, 'kind' | 'inputSize' | 'embeddingSize' | 'embed'>;

/** Images at a time: more than one, so that a model has to take several. */
const BATCH = 4;

/**
 * Cosines between the embeddings of two models, image by image.
 *
 * @param flip the encoder has embeddings of mirror images added, which the written model does itself.
 */
export async function compareModels(
  encoder: Compared,
  written: Compared,
  { faces, images, flip }: { readonly faces?: string | undefined; readonly images: number; readonly flip: boolean },
): Promise<Agreement> {
  const cosines: number[] = [];
  for await (const { pixels, count } of facesOf(faces, { images, size: encoder.inputSize, batch: BATCH })) {
    const ours = normalizeRows(await encoder.embed(pixels, count, flip), encoder.embeddingSize);
    const theirs = normalizeRows(await written.embed(pixels, count, false), encoder.embeddingSize);
    for (let at = 0; at < ours.length; at += encoder.embeddingSize) {
      let cosine = 0;
      for (let i = at; i < at + encoder.embeddingSize; i++) cosine += ours[i]! * theirs[i]!;
      cosines.push(cosine);
    }
  }
  return {
    by: written.kind,
    images: cosines.length,
    faces: faces ? 'faces given' : 'synthetic faces',
    // Not a number stays one.
    lowest: cosines.reduce((least, one) => Math.min(least, one), 1),
    mean: cosines.reduce((sum, one) => sum + one, 0) / cosines.length,
  };
}
