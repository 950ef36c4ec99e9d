import { check, type ImageSource, type OptionsOf, option, Random, readOptions } from '@protomem/core';

const drawPairsOptions = {
  people: option.integer({
    help: 'People to test on, chosen at random among those with at least two images.',
    min: 2,
  }),
  pairs: option.integer({ help: 'Pairs of each kind, same and different.', min: 1 }),
  seed: option.integer({ help: 'Another seed draws others.', min: 0, default: 0 }),
};

/** How to draw pairs for verification. */
export type DrawPairsOptions = OptionsOf<typeof drawPairsOptions>;

/** Two images of a source, by identity and image. */
export interface DrawnPair {
  readonly a: readonly [identity: number, image: number];
  readonly b: readonly [identity: number, image: number];
  readonly same: boolean;
}

/**
 * How many pairs of each kind {@link drawPairs} draws at most among people with so many images: half of those that
 * there are of the rarer kind. Drawing goes on until a pair is new, so some have to be left.
 *
 * @param images of each person.
 */
export function mostPairs(images: readonly number[]): number {
  let [same, different, before] = [0, 0, 0];
  for (const count of images) {
    same += (count * (count - 1)) / 2;
    different += count * before;
    before += count;
  }
  return Math.floor(Math.min(same, different) / 2);
}

/**
 * Draws pairs of images to test an encoder on, as many of one person as of two, in turn, and no pair twice. The people
 * in them are to be kept out of training.
 *
 * @throws {ProtomemError} when there are not so many people, or not so many different pairs of theirs.
 *
 * @example
 * ```ts
 * const pairs = drawPairs(await openDataset('faces'), { people: 100, pairs: 500 });
 * ```
 */
export function drawPairs(source: ImageSource, options: DrawPairsOptions): DrawnPair[] {
  const where = 'drawPairs';
  const { people, pairs: wanted, seed } = readOptions(where, drawPairsOptions, options);
  const random = new Random(seed);
  const several = Array.from({ length: source.identities }, (_, i) => i).filter((i) => source.imagesOf(i) >= 2);
  check(several.length >= people, () => ({
    where,
    what: 'people',
    got: people,
    expected: `at most ${several.length}, which is how many people in ${source.name} have two images or more`,
  }));
  for (let i = 0; i < people; i++) {
    const j = i + random.below(several.length - i);
    [several[i], several[j]] = [several[j]!, several[i]!];
  }
  const chosen = several.slice(0, people);
  const most = mostPairs(chosen.map((i) => source.imagesOf(i)));
  check(wanted <= most, () => ({
    where,
    what: 'pairs',
    got: wanted,
    expected: `at most ${most}, half the pairs of one person, or of two, among the ${people} people`,
    fix: 'Take more people or fewer pairs.',
  }));
  const seen = new Set<string>();
  const draw = (same: boolean): DrawnPair => {
    for (;;) {
      const a = chosen[random.below(people)]!;
      const b = same ? a : chosen[random.below(people)]!;
      const [i, j] = [random.below(source.imagesOf(a)), random.below(source.imagesOf(b))];
      const key = a < b || (a === b && i < j) ? `${a} ${i} ${b} ${j}` : `${b} ${j} ${a} ${i}`;
      if ((a === b) !== same || (a === b && i === j) || seen.has(key)) continue;
      seen.add(key);
      return { a: [a, i], b: [b, j], same };
    }
  };
  return Array.from({ length: 2 * wanted }, (_, i) => draw(i % 2 === 0));
}
