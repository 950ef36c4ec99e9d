import type { SourceSpec } from '@protomem/core';
import { builtInSpec } from './built-in-spec.ts';
import { openSource } from './open-source.ts';
import { selectionOf } from './selection.ts';

/** Opens a selection again, in a thread. */
export async function openSelection(options: { readonly source: SourceSpec; readonly chosen: Float64Array }) {
  return selectionOf(await openSource(options.source), options.chosen, [], builtInSpec);
}
