import type { ImageSource } from '@protomem/core';
import type { DrawnPair } from '@protomem/data';
import type { PairFaces } from '@protomem/protocols';

/** Of sets in which people are known: whose each image is, and whether it is one that they are known by. */
export interface Known {
  readonly people: Int32Array;
  readonly reference: Uint8Array;
}

/**
 * The images of drawn pairs, each once; with images that people are known by, all of both sources.
 *
 * @param references of the same identities, under the same numbers
 */
export function facesOfPairs(
  drawn: readonly DrawnPair[],
  people: ImageSource,
  references?: ImageSource,
): PairFaces & { readonly known?: Known } {
  const images: { readonly from: ImageSource; readonly place: DrawnPair['a'] }[] = [];
  const rows = new Map<string, number>();
  const rowOf = (place: DrawnPair['a']): number => {
    const key = place.join();
    if (!rows.has(key)) rows.set(key, images.push({ from: people, place }) - 1);
    return rows.get(key)!;
  };
  const pairs = Int32Array.from(drawn.flatMap(({ a, b }) => [rowOf(a), rowOf(b)]));
  if (references) {
    for (const place of placesOf(people)) rowOf(place);
    for (const place of placesOf(references)) images.push({ from: references, place });
  }
  const names = images.map(({ from, place: [identity, image] }) => `${from.identityName(identity)}#${image}`);
  const source: ImageSource = {
    name: people.name,
    identities: images.length,
    imagesOf: () => 1,
    identityName: (row) => names[row]!,
    load: (row) => images[row]!.from.load(...images[row]!.place),
    draw: people.draw && ((row, _, height, width) => images[row]!.from.draw!(...images[row]!.place, height, width)),
  };
  return {
    faces: { names, source },
    pairs,
    labels: Uint8Array.from(drawn, ({ same }) => Number(same)),
    people: Int32Array.from(drawn.flatMap(({ a, b }) => [a[0], b[0]])),
    ...(references && {
      known: {
        people: Int32Array.from(images, ({ place }) => place[0]),
        reference: Uint8Array.from(images, ({ from }) => Number(from === references)),
      },
    }),
  };
}

function* placesOf(source: ImageSource): Generator<DrawnPair['a']> {
  for (let identity = 0; identity < source.identities; identity++) {
    for (let image = 0; image < source.imagesOf(identity); image++) yield [identity, image];
  }
}
