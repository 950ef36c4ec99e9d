import { type OptionsOf, option, type Random, readOptions } from '@protomem/core';
import type { Doppelganger } from './look-alike-rows.ts';

/**
 * How a batch gets its look-alikes:
 * - `doppelgangers`: pairs; the classes that it has bring one of theirs each, then a second, and so on;
 * - `multi-doppelgangers`: clusters; those that were brought bring theirs in turn.
 */
export type CompanionRule = (typeof companionRules)[number];

export const companionRules = ['doppelgangers', 'multi-doppelgangers'] as const;

const expandOptions = {
  chosen: option.given<readonly number[]>()({ help: 'Classes that the batch has.' }),
  wanted: option.integer({ help: 'Classes that it may get, at most.', min: 0 }),
  doppelgangersOf: option.given<(id: number) => readonly Pick<Doppelganger, 'id'>[]>()({
    help: 'Doppelgangers of a class.',
  }),
  random: option.given<Random>()({ help: 'Draws which of them a class gets.' }),
  companions: option.choice(companionRules, { help: 'In pairs or in clusters.', default: 'multi-doppelgangers' }),
  taken: option.given<ReadonlySet<number>>()({
    help: 'Others that the batch has, which neither bring anybody nor are brought.',
    absent: 'none',
  }),
};

/** Options of {@link expandBatch}. */
export interface ExpandBatchOptions extends OptionsOf<typeof expandOptions> {}

/**
 * Classes to add to a batch: in turns, each class brings one of its doppelgangers that is not in the batch yet, until
 * there are as many as wanted or nobody has one left. Which of its doppelgangers a class brings is drawn.
 *
 * Source: Smirnov et al., "Doppelganger Mining for Face Representation Learning" (ICCVW 2017), whose abstract says that the
 * list of most similar identities serves to sample pairs of look-alikes together. We know no more of it, so that turns,
 * draws and the growth of clusters are this library's choice.
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
  const { chosen, wanted, doppelgangersOf, random, companions, taken: others = [] } = settings;
  const taken = new Set([...others, ...chosen]);
  const added: number[] = [];
  // Whoever has nobody left to bring leaves the round.
  let asked = [...chosen];
  while (asked.length > 0) {
    const again: number[] = [];
    for (const id of asked) {
      if (added.length === wanted) return added;
      const free = doppelgangersOf(id).filter((lookAlike) => !taken.has(lookAlike.id));
      if (free.length === 0) continue;
      const { id: lookAlike } = free[random.below(free.length)]!;
      taken.add(lookAlike);
      added.push(lookAlike);
      again.push(id);
      if (companions === 'multi-doppelgangers') again.push(lookAlike);
    }
    asked = again;
  }
  return added;
}
