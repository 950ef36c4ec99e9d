// What a bundler for browsers takes in place of index.ts: no thread opens the source again, so no URL of this module is
// asked for, which not every format of bundle has.
import { part } from '@protomem/core';
import { drawnFaces, syntheticFacesOptions } from './drawn-faces.ts';

export type { SyntheticFacesOptions } from './drawn-faces.ts';

/** `syntheticFaces` of `synthetic-faces.ts`, without a `spec`. */
export const syntheticFaces = part('syntheticFaces', syntheticFacesOptions, (options) => drawnFaces(options));
