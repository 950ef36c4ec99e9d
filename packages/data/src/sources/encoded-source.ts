import { Transformer } from '@napi-rs/image';
import { type ImageSource, option, part } from '@protomem/core';
import sharp from 'sharp';
import { RETRIES } from '../loader/loader.ts';
import { nodeHost } from '../loader/node-host.ts';
import { createProducer } from '../loader/producer.ts';

const where = 'encodedSource';

type Encode = (pixels: Uint8Array, size: number, quality: number) => Promise<Uint8Array>;

const encodings = {
  /** By an encoder that does nothing else: a fifth of the work of sharp's machinery, for a fifth more bytes. */
  jpg: (pixels, size, quality) => {
    const rgba = new Uint8Array(4 * size * size).fill(255);
    for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
      rgba[to] = pixels[from]!;
      rgba[to + 1] = pixels[from + 1]!;
      rgba[to + 2] = pixels[from + 2]!;
    }
    return Transformer.fromRgbaPixels(rgba, size, size).jpeg(quality);
  },
  png: (pixels, size) =>
    sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toBuffer(),
} satisfies Readonly<Record<string, Encode>>;

const encodedOptions = {
  /** Needs a `spec` where `workers` is above 0. */
  source: option.given<ImageSource>()({ help: 'Whose images they are.' }),
  size: option.integer({ help: 'Rows and columns of each image, pixels.', min: 1, max: 4096 }),
  encoding: option.choice(encodings, {
    help: 'jpg is read several times as fast; png keeps every pixel.',
    default: 'jpg',
  }),
  /** Colour is kept at full resolution. */
  quality: option.integer({ help: 'Quality of a jpg.', min: 1, max: 100, default: 95 }),
  workers: option.integer({ help: 'Threads that draw or decode.', min: 0, max: 64, default: 1 }),
};

/** {@link encodedSource}'s result. */
export interface EncodedSource extends ImageSource {
  /** Ends its threads. */
  close(): Promise<void>;
}

/**
 * The images of another source at one size, as files: drawn where the source draws, else decoded, and encoded. Identities
 * and images keep their order and names. An image's bytes do not depend on the number of threads.
 *
 * @throws when an image cannot be read; the error names it.
 *
 * @example
 * ```ts
 * const faces = encodedSource({ source: syntheticFaces({ identities: 1000, imagesPerIdentity: 8, seed: 1 }), size: 48 });
 * await writeRecordIo(faces, 'faces-rec');
 * await faces.close();
 * ```
 */
export const encodedSource = part(where, encodedOptions, (options): EncodedSource => {
  const { source, size, encoding, quality, workers } = options;
  const producer = createProducer(
    where,
    { source, height: size, width: size, cacheBytes: 0, retries: RETRIES, strict: true },
    nodeHost,
    workers,
  );
  return {
    name: source.name,
    identities: source.identities,
    imagesPerIdentity: source.imagesPerIdentity,
    imagesOf: (identity) => source.imagesOf(identity),
    identityName: (identity) => source.identityName(identity),
    async load(identity, image) {
      const { pixels, names } = await producer.produce([{ identity, image, seed: 0 }], 0);
      const bytes = await encodings[encoding](pixels, size, quality);
      return { name: names[0]!, bytes };
    },
    close: () => producer.close(),
  };
});
