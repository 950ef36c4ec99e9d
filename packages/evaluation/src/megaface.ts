import { check, integer, type OptionsOf, option, readOptions } from '@protomem/core';
import { Highest } from './highest.ts';
import { checkIds, checkRows, forEachRow, productOptions } from './matrix-product.ts';
import { takeRows } from './take-rows.ts';

const megaFaceOptions = {
  ...productOptions,
  ranks: option.numbers({ help: 'Ranks to look at.', default: [1, 10] }),
  ties: option.choice(['distractor', 'mate'], {
    help: 'Who wins when a mate and a distractor score the same.',
    default: 'distractor',
  }),
  noisyProbes: option.given<ArrayLike<number>>()({
    help: 'Rows of the probes that a noise list names: neither probe nor mate.',
    default: [],
  }),
  noisyDistractors: option.given<ArrayLike<number>>()({
    help: 'Rows of the distractors that a noise list names: people of the probe set among them.',
    default: [],
  }),
};

export type MegaFaceOptions = OptionsOf<typeof megaFaceOptions>;

export interface MegaFaceRate {
  readonly rank: number;
  readonly rate: number;
}

export interface MegaFaceResult {
  readonly ranks: readonly MegaFaceRate[];
  /** Ordered pairs of two images of one person: each is a trial. */
  readonly trials: number;
  readonly distractors: number;
}

/**
 * Identification among distractors, the way of MegaFace's challenge 1 on FaceScrub: for each ordered pair of two images
 * of one person, one is the probe and the other is alone in a gallery of distractors. A hit at rank k: fewer than k
 * distractors score higher with the probe than the mate does.
 *
 * Most published figures are from lists cleaned of noise, and higher by as much as 15 %: say which it was. Noisy images
 * are left out here. `remove_noises.py` puts noisy distractors out of reach, which is the same, but replaces noisy probes
 * by nearly the centre of their person, which makes mates that are found too easily.
 *
 * @param probes unit vectors, `[N, width]`, and the people of each; a person with one image makes no trial.
 * @param distractors unit vectors of other people, `[M, width]`.
 *
 * @example
 * ```ts
 * const { ranks } = await megaFace({ features, people }, distractors, 512, { noisyDistractors });
 * ```
 *
 * Source: FFC's `rank1_megaface.py` for `ties: 'distractor'` (>), FaceX-Zoo's test_protocol/megaface for `'mate'` (>=);
 * InsightFace, recognition/_evaluation_/megaface/remove_noises.py for the lists. The official tool is a binary.
 */
export async function megaFace(
  probes: { readonly features: Float32Array; readonly people: ArrayLike<number> },
  distractors: Float32Array,
  width: number,
  options: MegaFaceOptions = {},
): Promise<MegaFaceResult> {
  const where = 'megaFace';
  const { ranks, ties, noisyProbes, noisyDistractors, product } = readOptions(where, megaFaceOptions, options);
  const count = checkRows(where, 'probes', probes.features, width);
  checkIds(where, 'people', probes.people, count);
  const strangers = checkRows(where, 'distractors', distractors, width);
  const mateWins = ties === 'mate';
  const leftOut = rowSet(where, 'noisyProbes', noisyProbes, count);
  const noise = rowSet(where, 'noisyDistractors', noisyDistractors, strangers);
  for (const rank of ranks) integer(where, 'a rank', rank, 1, strangers - noise.size);

  const imagesOf = new Map<number, number[]>();
  for (let row = 0; row < count; row++) {
    if (leftOut.has(row)) continue;
    const images = imagesOf.get(probes.people[row]!);
    if (images) images.push(row);
    else imagesOf.set(probes.people[row]!, [row]);
  }
  const used = [...imagesOf.values()].filter((images) => images.length > 1);
  const rows = used.flat();
  check(rows.length > 0, () => ({
    where,
    what: 'people',
    got: 'no person with two images',
    expected: 'at least one',
  }));
  const queries = takeRows(probes.features, width, rows);
  // The k-th best distractor of each probe decides: the mate must beat it.
  const bars = ranks.map(() => new Float32Array(rows.length));
  await forEachRow(
    queries,
    distractors,
    width,
    (query, scores) => {
      const best = new Highest(Math.max(...ranks));
      for (let j = 0; j < scores.length; j++) if (!noise.has(j)) best.add(scores[j]!);
      const sorted = best.sorted();
      for (const [r, rank] of ranks.entries()) bars[r]![query] = sorted[rank - 1]!;
    },
    product,
  );
  const hits = ranks.map(() => 0);
  let trials = 0;
  let from = 0;
  for (const images of used) {
    const own = queries.subarray(from * width, (from + images.length) * width);
    await forEachRow(
      own,
      own,
      width,
      (probe, scores) => {
        for (let mate = 0; mate < images.length; mate++) {
          if (mate === probe) continue;
          trials++;
          for (let r = 0; r < ranks.length; r++) {
            const bar = bars[r]![from + probe]!;
            if (scores[mate]! > bar || (mateWins && scores[mate] === bar)) hits[r]!++;
          }
        }
      },
      product,
    );
    from += images.length;
  }
  return {
    ranks: ranks.map((rank, r) => ({ rank, rate: hits[r]! / trials })),
    trials,
    distractors: strangers - noise.size,
  };
}

function rowSet(where: string, what: string, rows: ArrayLike<number>, count: number): ReadonlySet<number> {
  return new Set(Array.from(rows, (row, i) => integer(where, `${what}[${i}]`, row, 0, count - 1)));
}
