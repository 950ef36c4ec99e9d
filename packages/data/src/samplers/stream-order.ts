import { check, integer, type Settings } from '@protomem/core';
import { type ClassOrder, leastImages, participation, type Turn } from './class-order.ts';
import { IdentityStream } from './identity-stream.ts';
import { permutation } from './permutation.ts';
import type { samplerOptions } from './sampler-options.ts';

/** @internal Distinct identities for each batch, off an {@link IdentityStream}. */
export function streamOrder(
  where: string,
  options: Settings<typeof samplerOptions>,
  groups: number,
  rounds: number,
): ClassOrder {
  const { source, classes, images, fewImages, seed } = options;
  const { identities } = source;
  const takingPart = countTakingPart(options);
  check(takingPart >= classes, () => ({
    where,
    what: 'classes',
    got: classes,
    expected: `at most ${takingPart}, the identities in ${source.name}${fewImages === 'skip' ? ` with at least ${images} images` : takingPart < identities ? ' with images' : ''}`,
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
      const saved = (what: string, value: unknown, max?: number): number =>
        integer(where, `${what} of the saved state`, value as number, 0, max);
      const at = (values.cursor ?? {}) as Readonly<Record<string, unknown>>;
      const group = saved('cursor.group', at.group, groups - 1);
      const cursor = {
        pass: saved('cursor.pass', at.pass),
        group,
        round: saved('cursor.round', at.round, rounds - 1),
        index: saved('cursor.index', at.index, stream.groupSize(group) - 1),
      };
      const waiting: unknown = values.deferred;
      check(Array.isArray(waiting), () => ({
        where,
        what: 'deferred of the saved state',
        got: waiting,
        expected: 'an array of identities',
      }));
      deferred = waiting.map((identity, i) => saved(`deferred[${i}]`, identity, identities - 1));
      stream.cursor = cursor;
    },
  };
}

/** Identities that take part: each is looked at, unless the source says that all have as many images. */
function countTakingPart({ source, classes, images, fewImages }: Settings<typeof samplerOptions>): number {
  const { identities, imagesPerIdentity, imageEnds } = source;
  const least = leastImages(images, fewImages);
  if (imagesPerIdentity !== undefined) return imagesPerIdentity >= least ? identities : 0;
  // Without a table there may be 2^53 of them: then no more are looked for than a batch needs.
  const enough = fewImages === 'skip' || imageEnds ? identities : classes;
  let count = 0;
  for (let identity = 0; identity < identities; identity++) {
    if (source.imagesOf(identity) < least) continue;
    count++;
    if (count === enough) return identities;
  }
  return count;
}
