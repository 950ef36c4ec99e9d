import { type OptionsOf, option } from '@protomem/core';
import type { MatrixProduct } from '@protomem/evaluation';
import type { Calibration } from './calibration.ts';
import type { ModelIdentity } from './format.ts';

const templates = ['mean', 'best'] as const;

export const galleryOptions = {
  model: option.given<ModelIdentity>()({
    help: 'The encoder whose embeddings are kept: a gallery of another one is refused.',
    absent: 'any; a new gallery needs it',
  }),
  width: option.integer({
    help: 'Numbers of an embedding.',
    ...{ min: 1, max: 65_536 },
    absent: 'as the gallery says; a new one needs it',
  }),
  template: option.choice(templates, {
    help: "In a new gallery, whether a face is compared with the mean of a person's images or with the most alike of them.",
    absent: '`mean`; else as the gallery says',
  }),
  product: option.given<MatrixProduct>()({
    help: 'Dot products by something faster, such as a tensor library.',
    absent: 'plain JavaScript',
  }),
  approximateFrom: option.integer({
    help: 'From so many vectors on, search in a graph of neighbours (`usearch`), made at the first search.',
    min: 1,
    absent: 'never: exact search',
  }),
};

/** How to open a gallery. */
export type GalleryOptions = OptionsOf<typeof galleryOptions>;

export const judgeOptions = {
  template: option.choice(templates, {
    help: "Compare with the mean of a person's images, or with the most alike of them.",
    absent: 'as the gallery says',
  }),
  far: option.number({
    help: 'Share of strangers that may be called the same as anybody in the gallery.',
    ...{ min: 1e-9, max: 1, default: 0.001 },
  }),
  doubt: option.number({
    help: 'Share of strangers that may be left in doubt: the others get "no".',
    ...{ min: 1e-9, max: 1, default: 0.05 },
  }),
  calibration: option.given<Calibration>()({ help: 'What answers come from.', absent: "the gallery's own" }),
};

export const identifyOptions = {
  top: option.integer({ help: 'People to name, the most alike first.', min: 1, max: 1000, default: 5 }),
  ...judgeOptions,
};

export type IdentifyOptions = OptionsOf<typeof identifyOptions>;
export type JudgeOptions = OptionsOf<typeof judgeOptions>;
