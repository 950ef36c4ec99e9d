import type { DefinedEncoder } from '@protomem/encoders';
import { embedPixels } from '@protomem/protocols';
import type { Compared } from './check-export.ts';

/**
 * An encoder in use as a model to compare with.
 *
 * @param by what runs it
 */
export function encoderModel(encoder: DefinedEncoder, by = 'protomem'): Compared {
  const { inputSize, embeddingSize } = encoder.card;
  return {
    ...{ kind: by, inputSize, embeddingSize },
    embed: (pixels, count, flip) => embedPixels(encoder, pixels, count, flip),
  };
}
