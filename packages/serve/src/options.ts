import type { Detect } from '@protomem/alignment';
import { type OptionsOf, option, type Settings } from '@protomem/core';
import type { Gallery } from '@protomem/gallery';
import { enrolImagesOptions } from '@protomem/gallery/node';
import type { EmbeddingModel } from '@protomem/protocols';
import { batchOptions } from './batch-embeddings.ts';

const { minSide, minSharpness, largest, anyQuality, minNorm } = enrolImagesOptions;
const { batch, wait } = batchOptions;

export const serveOptions = {
  model: option.given<EmbeddingModel>()({ help: "Embeds faces; stays the caller's." }),
  gallery: option.given<Gallery>()({ help: "People and their embeddings, opened to write; stays the caller's." }),
  detect: option.given<Detect>()({
    help: 'Finds faces in raw photos, such as `humanDetector` of `@protomem/alignment`.',
    absent: 'photos are aligned faces already',
  }),
  port: option.integer({ help: 'Port; 0 for any that is free.', min: 0, max: 65_535, default: 8080 }),
  host: option.text({
    help: 'Address to listen on; any but a loopback one demands a token.',
    default: '127.0.0.1',
  }),
  token: option.text({
    help: 'What clients must send as `Authorization: Bearer TOKEN`; 16 characters at least.',
    absent: 'none, on loopback only',
  }),
  ...{ batch, wait },
  queue: option.integer({
    help: 'Photos at work or waiting; one more is refused with 503 and `Retry-After`.',
    ...{ min: 1, max: 65_536, default: 128 },
  }),
  maxBytes: option.integer({ help: 'Bodies with more bytes are refused.', min: 1024, max: 2 ** 30, default: 1e7 }),
  maxPixels: option.integer({
    help: 'Photos with more pixels are refused before they are unpacked.',
    ...{ min: 1, max: 1e9, default: 5e7 },
  }),
  timeout: option.number({
    help: 'Seconds that a client may take to send a request; a third of it for its headers.',
    ...{ min: 0.1, max: 3600, default: 30 },
  }),
  ...{ minSide, minSharpness, largest, anyQuality, minNorm },
};

export type ServeOptions = OptionsOf<typeof serveOptions>;
export type ServeSettings = Settings<typeof serveOptions>;
