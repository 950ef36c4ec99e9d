import { check, type ImageSource, Random } from '@protomem/core';

/** A source in which some people go by two names. */
export interface Planted {
  readonly source: ImageSource;
  /** The identities of those who do, two each. */
  readonly pairs: readonly (readonly [number, number])[];
}

/**
 * Splits people with at least four images in two: one name keeps every second image, another, behind all identities, has
 * the rest.
 *
 * @param share of the identities that are split, chosen at random
 */
export function plantDuplicates(base: ImageSource, share: number, seed: number): Planted {
  const random = new Random(seed);
  const several = Array.from({ length: base.identities }, (_, id) => id).filter((id) => base.imagesOf(id) >= 4);
  const wanted = Math.round(share * base.identities);
  check(wanted <= several.length, () => ({
    where: 'plantDuplicates',
    what: 'people to split',
    got: wanted,
    expected: `at most ${several.length}, who have four images or more`,
  }));
  const pairs = Array.from({ length: wanted }, (_, k): [number, number] => {
    const at = k + random.below(several.length - k);
    [several[k], several[at]] = [several[at]!, several[k]!];
    return [several[k]!, base.identities + k];
  });
  const halves = new Map<number, { readonly id: number; readonly half: 0 | 1 }>();
  for (const [id, twin] of pairs) halves.set(id, { id, half: 0 }).set(twin, { id, half: 1 });
  const imagesOf = (identity: number): number => {
    const of = halves.get(identity);
    return of ? Math.ceil((base.imagesOf(of.id) - of.half) / 2) : base.imagesOf(identity);
  };
  return {
    pairs,
    source: {
      name: `${base.name}, ${wanted} people split`,
      identities: base.identities + wanted,
      imagesOf,
      identityName: (identity) => {
        const of = halves.get(identity);
        return of ? `${base.identityName(of.id)} (${of.half + 1} of 2)` : base.identityName(identity);
      },
      load: (identity, image) => {
        const of = halves.get(identity);
        return of ? base.load(of.id, 2 * image + of.half) : base.load(identity, image);
      },
    },
  };
}
