import { check, integer, type OptionsOf, option, readOptions } from '@protomem/core';
import { checkIds, checkRows, forEachRow, productOptions } from './matrix-product.ts';

const retrievalOptions = {
  ...productOptions,
  ks: option.numbers({ help: 'Of recall@k.', default: [1, 5, 10] }),
};

export type RetrievalOptions = OptionsOf<typeof retrievalOptions>;

/** Means over all queries that have something to find. */
export interface Retrieval {
  /**
   * Share of queries with an image of the same person among the k most alike. With a gallery of its own this is the
   * cumulative match characteristic (CMC) at rank k.
   */
  readonly recall: readonly { readonly k: number; readonly rate: number }[];
  /** With R images to find: the share of them among the first R. */
  readonly rPrecision: number;
  /** (1 / R) times the sum, over those places up to R that hold the person, of the precision up to there. */
  readonly mapAtR: number;
  readonly queries: number;
  /** Queries whose person is nowhere else: left out of all means. */
  readonly alone: number;
}

/**
 * How well images of the same person are found by nearest neighbours.
 *
 * @param queries unit vectors, `[N, width]`, with the person of each.
 * @param gallery where to search. Default: the queries themselves, each without itself.
 *
 * @example
 * ```ts
 * const { recall, mapAtR } = await retrieval({ features, people }, 512);
 * const cmc = await retrieval(probes, 512, gallery, { ks: [1, 5, 20] });
 * ```
 *
 * Source: Musgrave et al., "A metric learning reality check", 2020, section 3.2 (MAP@R, R-precision); its
 * pytorch-metric-learning has them as `AccuracyCalculator`, with recall@1 as `precision_at_1`. Differs: where a stranger
 * and an image of the person score the same, the stranger comes first.
 */
export async function retrieval(
  queries: { readonly features: Float32Array; readonly people: ArrayLike<number> },
  width: number,
  gallery?: { readonly features: Float32Array; readonly people: ArrayLike<number> },
  options: RetrievalOptions = {},
): Promise<Retrieval> {
  const where = 'retrieval';
  const { ks, product } = readOptions(where, retrievalOptions, options);
  const count = checkRows(where, 'queries', queries.features, width);
  checkIds(where, 'people of the queries', queries.people, count);
  const { features, people } = gallery ?? queries;
  const entries = checkRows(where, 'gallery', features, width);
  checkIds(where, 'people of the gallery', people, entries);
  for (const k of ks) integer(where, 'a k', k, 1);

  const rowsOf = new Map<number, number[]>();
  for (let row = 0; row < entries; row++) {
    const rows = rowsOf.get(people[row]!);
    if (rows) rows.push(row);
    else rowsOf.set(people[row]!, [row]);
  }
  const found = ks.map(() => 0);
  let [rPrecision, mapAtR, used] = [0, 0, 0];
  await forEachRow(
    queries.features,
    features,
    width,
    (query, scores) => {
      const own = (rowsOf.get(queries.people[query]!) ?? []).filter((row) => gallery || row !== query);
      if (own.length === 0) return;
      used++;
      const places = placesOf(own, scores, (row) => people[row] !== queries.people[query]);
      for (const [i, k] of ks.entries()) if (places[0]! <= k) found[i]!++;
      const inside = places.filter((place) => place <= own.length);
      rPrecision += inside.length / own.length;
      mapAtR += inside.reduce((sum, place, i) => sum + (i + 1) / place, 0) / own.length;
    },
    product,
  );
  check(used > 0, () => ({
    where,
    what: 'people',
    got: 'no query whose person is in the gallery',
    expected: 'at least one',
  }));
  return {
    recall: ks.map((k, i) => ({ k, rate: found[i]! / used })),
    rPrecision: rPrecision / used,
    mapAtR: mapAtR / used,
    queries: used,
    alone: count - used,
  };
}

/** Places, from 1, of the rows of the same person in the list from the most to the least alike; rising. */
function placesOf(own: readonly number[], scores: Float32Array, stranger: (row: number) => boolean): number[] {
  const same = Float32Array.from(own, (row) => scores[row]!).sort();
  const lowest = same[0]!;
  let count = 0;
  for (let row = 0; row < scores.length; row++) if (scores[row]! >= lowest && stranger(row)) count++;
  const before = new Float32Array(count);
  for (let row = 0, at = 0; row < scores.length; row++) {
    if (scores[row]! >= lowest && stranger(row)) before[at++] = scores[row]!;
  }
  before.sort();
  let passed = 0;
  return Array.from(same.reverse(), (score, i) => {
    while (passed < count && before[count - 1 - passed]! >= score) passed++;
    return passed + i + 1;
  });
}
