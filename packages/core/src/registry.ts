import { ProtomemError } from './errors.ts';

/**
 * Looks a name up in an object literal of entries; an unknown name gets an error that lists the known ones. A name
 * that lacks the hyphens of a known one, as names of earlier releases do (`cosFace`, now `cos-face`), is
 * accepted, with a warning.
 *
 * @example
 * ```ts
 * const losses = { 'cos-face': cosFace, 'arc-face': arcFace };
 * const make = lookUp('createLoss', 'loss', losses, 'cos-face');
 * ```
 */
export function lookUp<T>(where: string, what: string, entries: Readonly<Record<string, T>>, name: string): T {
  const known = Object.keys(entries);
  const spelled = currentSpelling(name, known);
  if (spelled !== undefined) return entries[spelled]!;
  const near = nearest(name, known);
  throw new ProtomemError({
    where,
    what,
    got: name,
    expected: `one of ${known.join(', ')}`,
    fix: near ? `Did you mean "${near}"?` : undefined,
  });
}

/** The known name that `name` is, or was in earlier releases: then it warns, once for each name. */
export function currentSpelling(name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return name;
  const plain = (text: string): string => text.toLowerCase().replaceAll('-', '');
  const spelled = known.find((candidate) => candidate.includes('-') && plain(candidate) === plain(name));
  if (spelled !== undefined && !warned.has(name)) {
    warned.add(name);
    console.warn(`"${name}" is now spelled "${spelled}"; the old spelling goes with the next release.`);
  }
  return spelled;
}

const warned = new Set<string>();

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
