import { check, type ImageSource, Random } from '@protomem/core';
import { type DrawnPair, decodeImage, drawPairs, mostPairs, selectIdentities } from '@protomem/data';
import type { RunConfig } from './run-schema.ts';

type HeldOut = Extract<RunConfig['evaluation']['pairs'], { kind: 'held-out' }>;

/** Of the choice: whatever the run's seed, the same people are tested. */
const SEED = 0;
/** Of few identities, more than a tenth are needed to tell anything. */
const FEW = 10;

/**
 * The people of some data whom a run is tested on and not trained on: chosen at random among those with two images or more,
 * the same ones each time.
 *
 * @throws ProtomemError when they are too few for pairs
 */
export function heldOut(source: ImageSource, { people }: HeldOut): ImageSource {
  const several: number[] = [];
  for (let identity = 0; identity < source.identities; identity++) {
    if (source.imagesOf(identity) >= 2) several.push(identity);
  }
  const most = Math.max(Math.min(FEW, Math.floor(several.length / 2)), Math.floor(several.length / 10));
  check(most >= 2, () => ({
    where: 'evaluation.pairs',
    what: `identities of ${source.name} with two images or more`,
    got: several.length,
    expected: 'at least 4, of which some are kept out of training and tested',
    fix: 'Add people, or test on others: --set evaluation.pairs.kind=lfw --set evaluation.pairs.file=LIST.',
  }));
  const chosen = new Random(SEED).shuffle(several).slice(0, Math.min(people, most));
  return selectIdentities(source, { include: chosen.map((identity) => source.identityName(identity)) });
}

/** Pairs of those people, of images that can be read, and how many were left out for one that cannot. */
export async function heldOutPairs(
  tested: ImageSource,
  { count }: { readonly count: number },
): Promise<{ readonly pairs: readonly DrawnPair[]; readonly unreadable: number }> {
  const several = Array.from({ length: tested.identities }, (_, identity) => tested.imagesOf(identity)).filter(
    (images) => images >= 2,
  );
  const pairs = Math.min(count, mostPairs(several));
  const drawn = pairs < 1 ? [] : drawPairs(tested, { people: several.length, pairs, seed: SEED });
  const known = new Map<string, Promise<boolean>>();
  const readable = (image: DrawnPair['a']): Promise<boolean> => {
    const key = image.join();
    known.set(key, known.get(key) ?? isReadable(tested, ...image));
    return known.get(key)!;
  };
  const kept: DrawnPair[] = [];
  for (const pair of drawn) if ((await readable(pair.a)) && (await readable(pair.b))) kept.push(pair);
  for (const same of [true, false]) {
    check(kept.filter((pair) => pair.same === same).length >= 2, () => ({
      where: 'evaluation.pairs',
      what: `pairs of ${same ? 'one person' : 'two people'} among the ${tested.identities} tested people of ${tested.name}`,
      got: kept.filter((pair) => pair.same === same).length,
      expected: 'at least 2, of people with two tested images or more',
      fix: 'Add people or images, or test on others: --set evaluation.pairs.kind=lfw --set evaluation.pairs.file=LIST.',
    }));
  }
  return { pairs: kept, unreadable: drawn.length - kept.length };
}

export async function isReadable(source: ImageSource, identity: number, image: number): Promise<boolean> {
  if (source.draw) return true;
  return source
    .load(identity, image)
    .then(({ bytes, name }) => decodeImage(bytes, { height: 16, width: 16, name }))
    .then(
      () => true,
      () => false,
    );
}
