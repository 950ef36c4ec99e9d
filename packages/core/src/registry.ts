import { ProtomemError } from './errors.ts';

/**
 * Looks a name up in an object literal of entries; an unknown name gets an error that lists the known ones.
 *
 * @example
 * ```ts
 * const losses = { cosFace, arcFace };
 * const make = lookUp('createLoss', 'loss', losses, 'cosFace');
 * ```
 */
export function lookUp<T>(where: string, what: string, entries: Readonly<Record<string, T>>, name: string): T {
  if (Object.hasOwn(entries, name)) return entries[name]!;
  const known = Object.keys(entries);
  const near = nearest(name, known);
  throw new ProtomemError({
    where,
    what,
    got: name,
    expected: `one of ${known.join(', ')}`,
    fix: near ? `Did you mean "${near}"?` : undefined,
  });
}

/** The known name with the smallest edit distance to `name`, when it is near enough to be a slip of the finger. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
