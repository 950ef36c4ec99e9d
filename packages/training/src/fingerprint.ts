import { createHash } from 'node:crypto';
import { flatten, type Recipe } from './recipe.ts';

/** SHA-256 of a recipe without the keys of `mayDiffer`; the order of keys does not matter. */
export function fingerprint(recipe: Recipe, mayDiffer: readonly string[] = []): string {
  const lines = flatten(recipe, mayDiffer).map(([key, value]) => `${JSON.stringify(key)}:${value}`);
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}
