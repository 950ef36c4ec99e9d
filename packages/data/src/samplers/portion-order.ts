import { check, type Settings } from '@protomem/core';
import { type ClassOrder, participation, type Turn } from './class-order.ts';
import { countVisits } from './count-visits.ts';
import { permutation } from './permutation.ts';
import type { portionOptions } from './sampler-options.ts';

/**
 * @internal Portions, each K images of one identity, which has a number of portions in each pass. All portions of a pass
 * are one permutation, so that the number of the batch is all that there is to save.
 *
 * @param visitsOf portions of an identity in a pass, from its number of images.
 * @param made what else the order was made with, for its state.
 */
export function portionOrder(
  where: string,
  { source, images, fewImages, seed }: Settings<typeof portionOptions>,
  visitsOf: (images: number) => number,
  made: Readonly<Record<string, number>> = {},
): ClassOrder {
  const visits = countVisits(
    source,
    fewImages === 'skip' ? (count) => (count < images ? 0 : visitsOf(count)) : visitsOf,
  );
  const portions = visits.total;
  check(portions > 0, () => ({
    where,
    what: `identities in ${source.name} that take part`,
    got: 0,
    expected: 'at least 1',
    fix:
      fewImages === 'skip'
        ? `None has ${images} images: ask for fewer, or for another rule than fewImages: 'skip'.`
        : undefined,
  }));
  let order: { readonly pass: number; readonly at: (index: number) => number } | undefined;

  /** One portion: the identity's images in this pass's order, cut into pieces of K. */
  const turnAt = (position: number): Turn => {
    const pass = Math.floor(position / portions);
    if (order?.pass !== pass) order = { pass, at: permutation(portions, seed, 3, pass) };
    const { identity, turn } = visits.at(order.at(position % portions));
    return {
      identity,
      images(available, count) {
        const shuffled = permutation(available, seed, 4, pass, identity);
        return Array.from({ length: count }, (_, i) => shuffled((turn * images + i) % available));
      },
    };
  };

  return {
    turns: portions,
    key: 5,
    // The place in a pass is the number of the batch times its size.
    resizable: false,
    made: { portions, ...made },
    takesPart: participation(source, images, fewImages),
    next: (batch, count) => Array.from({ length: count }, (_, i) => turnAt(batch * count + i)),
    *others(...key) {
      const all = permutation(portions, ...key);
      for (let i = 0; i < portions; i++) yield visits.at(all(i)).identity;
    },
    state: () => ({}),
    restore: () => undefined,
  };
}
