import { check } from '@protomem/core';

/**
 * The numbers of images that lie identity after identity.
 *
 * @param name of the source, for messages
 * @param ends number of images up to and with each identity
 */
export function groupedBy(name: string, ends: ArrayLike<number>) {
  const first = (identity: number): number => (identity === 0 ? 0 : ends[identity - 1]!);
  const imagesOf = (identity: number): number => ends[identity]! - first(identity);
  return {
    imagesOf,
    /** Where an image lies among all. One that is not there would be another's. */
    at(identity: number, image: number): number {
      const count = imagesOf(identity);
      // Who is not there has NaN images: the comparison fails for them, too.
      check(Number.isInteger(image) && image >= 0 && image < count, () => ({
        where: 'source.load',
        what: `image ${image} of identity ${identity} in ${name}`,
        got: 'missing',
        expected:
          count >= 0
            ? `one of its ${count} image(s), counted from 0`
            : `one of the ${ends.length} identities, counted from 0`,
      }));
      return first(identity) + image;
    },
  };
}
