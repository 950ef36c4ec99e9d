import type { ImageSource } from '@protomem/core';
import { builtInSpec } from './built-in-spec.ts';
import { type SelectionOptions, selection } from './selection.ts';

/**
 * Some identities of a source, numbered anew in the same order. Visits each identity once, so for sources with a list
 * of identities: not for a synthetic billion. `remarks` count who was left out, besides the source's own.
 *
 * @throws {ProtomemError} when `include` names somebody who is not there, or fewer than two identities are left.
 *
 * @example
 * ```ts
 * const { people } = await readLfwPairs('pairsDevTest.txt');
 * const train = selectIdentities(await recordIoSource('lfw/train.rec'), { minImages: 2, exclude: people });
 * ```
 */
export function selectIdentities(source: ImageSource, options: SelectionOptions = {}): ImageSource {
  return selection(source, options, builtInSpec);
}
