import { check, type ImageSource, Random } from '@protomem/core';
import { selectIdentities, selectImages } from '@protomem/data';
import { isReadable } from './held-out.ts';
import type { RunConfig } from './run-schema.ts';

type OtherImages = Extract<RunConfig['evaluation']['pairs'], { kind: 'other-images' }>;

/** Of the choice of people: whatever the run's seed, the same ones are tested. */
const SEED = 0;
/** Of one person, on either side: what more would be only takes memory. */
const MOST_IMAGES = 20;

/** How many of an identity's images are trained on. */
const trainedOf = (count: number, { trained }: OtherImages): number =>
  Math.min(count, trained ?? Math.max(2, Math.floor((2 * count) / 3)));

/** Numbers of an identity's images, those trained on spread evenly among the others. */
function sides(count: number, pairs: OtherImages): { readonly trained: number[]; readonly tested: number[] } {
  const share = trainedOf(count, pairs);
  const isTrained = (image: number): boolean =>
    Math.floor(((image + 1) * share) / count) > Math.floor((image * share) / count);
  const all = Array.from({ length: count }, (_, image) => image);
  return { trained: all.filter(isTrained), tested: all.filter((image) => !isTrained(image)) };
}

/** The images that a run trains on, which is tested on others of the same people. */
export const trainedImages = (people: ImageSource, pairs: OtherImages): ImageSource =>
  selectImages(people, (_, count) => sides(count, pairs).trained);

/** Some people with images that were trained on and others that were not. */
export interface KnownPeople {
  readonly references: ImageSource;
  readonly tested: ImageSource;
  readonly unreadable: number;
}

/**
 * The people who are tested: chosen at random among those who have an image that is not trained on, the same ones each time.
 *
 * @throws ProtomemError when they are fewer than two
 */
export async function knownPeople(people: ImageSource, pairs: OtherImages): Promise<KnownPeople> {
  const able: number[] = [];
  for (let identity = 0; identity < people.identities; identity++) {
    const count = people.imagesOf(identity);
    if (trainedOf(count, pairs) < count) able.push(identity);
  }
  check(able.length >= 2, () => ({
    where: 'evaluation.pairs',
    what: `identities of ${people.name} with images that are not trained on`,
    got: able.length,
    expected: 'at least 2',
    fix: 'Add images, or train on fewer: --set evaluation.pairs.trained=N.',
  }));
  const chosen = new Random(SEED).shuffle(able).slice(0, pairs.people);
  const known = selectIdentities(people, { include: chosen.map((identity) => people.identityName(identity)) });
  const readable: { trained: number[]; tested: number[] }[] = [];
  let unreadable = 0;
  for (let identity = 0; identity < known.identities; identity++) {
    const { trained, tested } = sides(known.imagesOf(identity), pairs);
    const kept = async (images: readonly number[]): Promise<number[]> => {
      const some = images.slice(0, MOST_IMAGES);
      const found = await Promise.all(some.map((image) => isReadable(known, identity, image)));
      unreadable += found.filter((one) => !one).length;
      return some.filter((_, i) => found[i]);
    };
    readable.push({ trained: await kept(trained), tested: await kept(tested) });
  }
  return {
    references: selectImages(known, (identity) => readable[identity]!.trained),
    tested: selectImages(known, (identity) => readable[identity]!.tested),
    unreadable,
  };
}
