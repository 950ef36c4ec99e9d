import { createHash } from 'node:crypto';
import type { Json } from '@protomem/core';

/** What makes a run this run: names and options of its parts, and the user's resolved config. */
export type Recipe = { readonly [key: string]: Json };

/** SHA-256 of a recipe without the keys of `mayDiffer`; the order of keys does not matter. */
export function fingerprint(recipe: Recipe, mayDiffer: readonly string[] = []): string {
  const lines = flatten(recipe, mayDiffer).map(([key, value]) => `${JSON.stringify(key)}:${value}`);
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

/** One line a key that two recipes do not share, `key: saved x, now y`. */
export function recipeDifferences(saved: Recipe, present: Recipe, mayDiffer: readonly string[] = []): string[] {
  const before = new Map(flatten(saved, mayDiffer));
  const now = new Map(flatten(present, mayDiffer));
  const keys = [...new Set([...before.keys(), ...now.keys()])].sort();
  return keys
    .filter((key) => before.get(key) !== now.get(key))
    .map((key) => `${key}: saved ${brief(before.get(key))}, now ${brief(now.get(key))}`);
}

function brief(json = 'nothing'): string {
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}

/** Leaves by dotted path, as JSON; empty objects and arrays are leaves. */
function flatten(value: Json, mayDiffer: readonly string[], path = ''): [string, string][] {
  if (mayDiffer.includes(path)) return [];
  const isTree = typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = isTree ? Object.entries(value as Recipe).filter(([, child]) => child !== undefined) : [];
  if (entries.length === 0) return [[path, JSON.stringify(value)]];
  return entries.flatMap(([key, child]) => flatten(child, mayDiffer, path ? `${path}.${key}` : key));
}
