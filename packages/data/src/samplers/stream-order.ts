import { check, integer, type Settings } from '@protomem/core';
import { type ClassOrder, participation, type Turn } from './class-order.ts';
import type { CountedSource } from './few-images.ts';
import { IdentityStream } from './identity-stream.ts';
import { permutation } from './permutation.ts';
import type { samplerOptions } from './sampler-options.ts';

/** @internal Distinct identities for each batch, off an {@link IdentityStream}. */
export function streamOrder(
  where: string,
  { source, classes, images, fewImages, seed }: Settings<typeof samplerOptions>,
  groups: number,
  rounds: number,
): ClassOrder {
  const { identities } = source;
  const takingPart = fewImages === 'skip' ? countAtLeast(source, images) : identities;
  check(takingPart >= classes, () => ({
    where,
    what: 'classes',
    got: classes,
    expected: `at most ${takingPart}, the identities in ${source.name}${fewImages === 'skip' ? ` with at least ${images} images` : ''}`,
    fix: 'Use fewer classes a batch, or add people.',
  }));
  const takesPart = participation(source, images, fewImages);
  const stream = new IdentityStream(identities, groups, rounds, seed);
  // Identities that came up while they were already in the batch; they open the next one.
  let deferred: number[] = [];

  return {
    turns: takingPart * rounds,
    key: 6,
    resizable: true,
    made: { groups, rounds },
    takesPart,
    next(_batch, count): Turn[] {
      const chosen = new Set<number>();
      const waiting = deferred;
      deferred = [];
      const offer = (identity: number): void => {
        if (chosen.size === count || chosen.has(identity)) deferred.push(identity);
        else chosen.add(identity);
      };
      waiting.forEach(offer);
      while (chosen.size < count) {
        const identity = stream.next();
        if (takesPart(identity)) offer(identity);
      }
      return Array.from(chosen, (identity) => ({ identity }));
    },
    *others(...key) {
      const group = stream.group();
      const inGroup = permutation(group.size, ...key);
      for (let i = 0; i < group.size; i++) yield group.at(inGroup(i));
      const all = permutation(identities, ...key);
      for (let i = 0; i < identities; i++) yield all(i);
    },
    state: () => ({ cursor: { ...stream.cursor }, deferred }),
    restore(where, values) {
      const { pass, group, round, index } = values.cursor as Readonly<Record<string, number>>;
      stream.cursor = {
        pass: integer(where, 'cursor.pass of the saved state', pass!, 0),
        group: integer(where, 'cursor.group of the saved state', group!, 0, groups - 1),
        round: integer(where, 'cursor.round of the saved state', round!, 0, rounds - 1),
        index: integer(where, 'cursor.index of the saved state', index!, 0, identities - 1),
      };
      deferred = [...(values.deferred as readonly number[])];
    },
  };
}

/** Identities with at least so many images; looks at each one, unless the source says that all have as many. */
function countAtLeast(source: CountedSource, images: number): number {
  const { identities, imagesPerIdentity } = source;
  if (imagesPerIdentity !== undefined) return imagesPerIdentity >= images ? identities : 0;
  let count = 0;
  for (let identity = 0; identity < identities; identity++) if (source.imagesOf(identity) >= images) count++;
  return count;
}
