import { integer, type Random } from '@protomem/core';
import type { Doppelganger } from './look-alike-rows.ts';

/** Options of {@link expandBatch}. */
export interface ExpandBatchOptions {
  /** Classes that the batch has. */
  readonly chosen: readonly number[];
  /** Classes that it may get, at most. */
  readonly wanted: number;
  readonly doppelgangersOf: (id: number) => readonly Pick<Doppelganger, 'id'>[];
  readonly random: Random;
  /** How far to go: 1 adds doppelgangers of the chosen; 2 also theirs; and so on. Default Infinity. */
  readonly depth?: number;
}

/**
 * Classes to add to a batch: for each of the chosen one of its doppelgangers, then one for each of those, until there
 * are as many as wanted or nobody has one that is not in the batch yet. `depth: 1` makes pairs of look-alikes
 * (doppelganger mining); more makes clusters (multi-doppelganger). Which of its doppelgangers a class gets is drawn.
 *
 * Source: Smirnov et al. (ICCVW 2017) for the pairs; the clusters are this library's reading of "multi-doppelganger".
 *
 * @returns at most `wanted` ids, none of them among `chosen`, each once.
 *
 * @example
 * ```ts
 * const added = expandBatch({ chosen: [7], wanted: 3, doppelgangersOf: (id) => table.doppelgangersOf(id), random });
 * ```
 */
export function expandBatch(options: ExpandBatchOptions): number[] {
  const { chosen, doppelgangersOf, random, depth = Number.POSITIVE_INFINITY } = options;
  const wanted = integer('expandBatch', 'wanted', options.wanted, 0);
  const taken = new Set(chosen);
  const added: number[] = [];
  let frontier = chosen;
  for (let level = 0; level < depth && frontier.length > 0; level++) {
    const next: number[] = [];
    for (const id of frontier) {
      if (added.length === wanted) return added;
      const free = doppelgangersOf(id).filter((lookAlike) => !taken.has(lookAlike.id));
      if (free.length === 0) continue;
      const { id: lookAlike } = free[random.below(free.length)]!;
      taken.add(lookAlike);
      added.push(lookAlike);
      next.push(lookAlike);
    }
    frontier = next;
  }
  return added;
}
