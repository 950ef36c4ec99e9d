import { type ImageSource, lookUp } from '@protomem/core';
import { sourceOfList } from '../formats/list/list-index.ts';
import { packedSource } from '../formats/packed-source.ts';
import { type SyntheticFacesSpec, syntheticFaces } from '../synthetic/synthetic-faces.ts';
import type { SourceSpec } from './described-source.ts';
import { sourceOfFiles } from './file-source.ts';
import { sourceOfIndex } from './folder-index.ts';
import { type Selection, selectionOf } from './selection.ts';

/** How each kind of described source is rebuilt. */
const sourceOpeners = {
  folder: sourceOfIndex,
  files: sourceOfFiles,
  packed: packedSource,
  list: sourceOfList,
  selection: (spec: Selection) => selectionOf(openSource(spec.source), spec),
  synthetic: ({ options }: SyntheticFacesSpec) => syntheticFaces(options),
} as const;

/** The source that a description stands for. */
export function openSource(spec: SourceSpec): ImageSource {
  const open = lookUp<(spec: never) => ImageSource>('openSource', 'kind', sourceOpeners, spec.kind);
  return open(spec as never);
}
