import { type OptionsOf, option, type Random, readOptions } from '@protomem/core';
import type { Doppelganger } from './look-alike-rows.ts';

const expandOptions = {
  chosen: option.given<readonly number[]>()({ help: 'Classes that the batch has.' }),
  wanted: option.integer({ help: 'Classes that it may get, at most.', min: 0 }),
  doppelgangersOf: option.given<(id: number) => readonly Pick<Doppelganger, 'id'>[]>()({
    help: 'Doppelgangers of a class.',
  }),
  random: option.given<Random>()({ help: 'Draws which of them a class gets.' }),
  depth: option.integer({
    help: 'How far to go: 1 adds doppelgangers of the chosen; 2 also theirs; and so on.',
    ...{ min: 0, absent: 'as far as there are any' },
  }),
};

/** Options of {@link expandBatch}. */
export interface ExpandBatchOptions extends OptionsOf<typeof expandOptions> {}

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
  const settings = readOptions('expandBatch', expandOptions, options);
  const { chosen, wanted, doppelgangersOf, random, depth = Number.POSITIVE_INFINITY } = settings;
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
