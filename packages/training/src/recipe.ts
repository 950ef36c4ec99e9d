import { check, isObject, type Json } from '@protomem/core';

/** What makes a run this run: names and options of its parts, and the user's resolved config. */
export type Recipe = { readonly [key: string]: Json };

/** A key that two recipes do not share; a value that one does not have is missing. */
export interface RecipeChange {
  /** Dotted. */
  readonly key: string;
  readonly saved?: Json;
  readonly now?: Json;
}

/** @internal The keys that two recipes do not share, in the order of the alphabet. */
export function recipeChanges(saved: Recipe, present: Recipe, mayDiffer: readonly string[] = []): RecipeChange[] {
  const before = new Map(flatten(saved, mayDiffer));
  const now = new Map(flatten(present, mayDiffer));
  const keys = [...new Set([...before.keys(), ...now.keys()])].sort();
  return keys
    .filter((key) => before.get(key) !== now.get(key))
    .map((key) => ({
      key,
      ...(before.has(key) && { saved: JSON.parse(before.get(key)!) as Json }),
      ...(now.has(key) && { now: JSON.parse(now.get(key)!) as Json }),
    }));
}

/** `key: saved x, now y`. */
export const describeChange = ({ key, saved, now }: RecipeChange): string =>
  `${key}: saved ${brief(saved)}, now ${brief(now)}`;

/**
 * What a run that goes on does otherwise than it did.
 *
 * @param rules.mayDiffer dotted keys that say nothing of what is learnt, with all below them
 * @param rules.mayChange dotted keys that a user may change on the way, with all below them; `steps` only grow
 * @returns the changes of the second kind
 * @throws ProtomemError that names every other key that differs, with both values
 */
export function checkResumed(
  whose: string,
  saved: Recipe,
  present: Recipe,
  rules: { readonly mayDiffer?: readonly string[]; readonly mayChange?: readonly string[] },
): RecipeChange[] {
  const { mayDiffer, mayChange = [] } = rules;
  const changes = recipeChanges(saved, present, mayDiffer);
  const refused = changes.filter(
    ({ key, saved, now }) =>
      !mayChange.some((free) => key === free || key.startsWith(`${free}.`)) ||
      (/(^|\.)steps$/.test(key) && Number(now) < Number(saved)),
  );
  check(refused.length === 0, () => ({
    where: 'resume',
    what: whose,
    got: 'another one',
    expected: 'that of this run',
    fix: `They differ in ${refused.map(describeChange).join('; ')}. Use the saved values, or start a new run in another folder.`,
  }));
  return changes;
}

function brief(value: Json | undefined): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}

/** @internal Leaves by dotted path, as JSON; empty objects and arrays are leaves. */
export function flatten(value: Json, mayDiffer: readonly string[], path = ''): [string, string][] {
  if (mayDiffer.includes(path)) return [];
  const entries = isObject(value) ? Object.entries(value as Recipe).filter(([, child]) => child !== undefined) : [];
  if (entries.length === 0) return [[path, JSON.stringify(value)]];
  return entries.flatMap(([key, child]) => flatten(child, mayDiffer, path ? `${path}.${key}` : key));
}
