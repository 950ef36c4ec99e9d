import type { ImageSource } from '@protomem/core';
import { builtInSpec } from './built-in-spec.ts';
import { imageSelection } from './selection.ts';

/**
 * Some images of each identity of a source, numbered anew in the order given; identities keep their numbers, also those of
 * whom none are left.
 *
 * @param chosen numbers of images of an identity, asked once for each.
 *
 * @example
 * ```ts
 * const firstTwo = selectImages(source, (_, count) => [0, 1].slice(0, count));
 * ```
 */
export function selectImages(
  source: ImageSource,
  chosen: (identity: number, count: number) => readonly number[],
): ImageSource {
  return imageSelection(source, chosen, builtInSpec);
}
