import { Random } from '@protomem/core';
import {
  type Interval,
  nearestNeighbors,
  pairScores,
  percentileInterval,
  poolTemplates,
  resamples,
  takeRows,
  thresholdAtFar,
  wilsonInterval,
} from '@protomem/evaluation';
import type { Known } from './faces-of-pairs.ts';

/** Rates that a threshold is looked for, as far as the people at hand bear it. */
const RATES = [1e-2, 1e-3, 1e-4];
/** Pairs of strangers at most, of which a threshold is made. */
const MOST_PAIRS = 20_000;

/** How well people are found among themselves, by images that were not trained on. */
export interface KnownResult {
  readonly people: number;
  /** Images that were looked for, and how many of them are nearest to the mean of their own person's trained ones. */
  readonly images: number;
  readonly found: number;
  /** Wilson's, 95 %, of the share found; it takes the images of one person as independent. */
  readonly interval: Interval;
  /** Lowest scores to take two images for one person at a false accept rate; interval: 95 %, people drawn again. */
  readonly thresholds: readonly { readonly far: number; readonly threshold: number; readonly interval: Interval }[];
  /** Why there are no thresholds for lower rates; absent where there are. */
  readonly tooLittle?: string;
}

/** @param embeddings `[N, D]` of the images that `known` tells of */
export async function findKnown(embeddings: Float32Array, dimension: number, known: Known): Promise<KnownResult> {
  const rows = Array.from(known.people.keys());
  const tested = rows.filter((row) => known.reference[row] === 0);
  const references = rows.filter((row) => known.reference[row] === 1);
  const { ids, features } = poolTemplates(
    takeRows(embeddings, dimension, references),
    dimension,
    {
      templates: references.map((row) => known.people[row]!),
      media: references,
    },
    { imageNorm: 'unit' },
  );
  const nearest = await nearestNeighbors(takeRows(embeddings, dimension, tested), features, dimension, 1);
  const found = tested.filter((row, i) => ids[nearest.rows[i]!] === known.people[row]).length;
  return {
    people: ids.length,
    images: tested.length,
    found,
    interval: wilsonInterval(found, tested.length),
    ...thresholds(embeddings, dimension, tested, known.people),
  };
}

function thresholds(embeddings: Float32Array, dimension: number, rows: readonly number[], people: Int32Array) {
  const pairs = somePairs(rows);
  const scores = pairScores(embeddings, dimension, pairs);
  const owners = pairs.map((row) => people[row]!);
  const labels = Uint8Array.from(scores, (_, pair) => Number(owners[2 * pair] === owners[2 * pair + 1]));
  const count = new Set(owners).size;
  // Pairs of images of the same two people say nearly the same: a rate wants so many pairs of people.
  const strangers = (count * (count - 1)) / 2;
  const thresholds = RATES.flatMap((far) => {
    const threshold = strangers * far >= 1 ? thresholdAtFar(scores, labels, far) : null;
    if (threshold === null) return [];
    // Too few strangers, or ties at the top of them: no threshold is high enough.
    const draws = Array.from(
      resamples(scores, labels, { random: new Random(0), people: owners }),
      (drawn) => thresholdAtFar(drawn.scores, drawn.labels, far) ?? Number.POSITIVE_INFINITY,
    );
    const interval = percentileInterval(draws);
    return [threshold, ...interval].every(Number.isFinite) ? [{ far, threshold, interval }] : [];
  });
  const first = RATES.find((rate) => thresholds.every(({ far }) => far !== rate));
  if (first === undefined) return { thresholds };
  const tooLittle =
    strangers * first < 1
      ? `${count} people make ${strangers.toLocaleString('en')} pairs of strangers: a threshold for FAR ${first} takes ${(1 / first).toLocaleString('en')}, of ${peopleFor(1 / first)} people`
      : `of ${count} people, the strangers most alike are too few, or too much alike, to bound a threshold for FAR ${first}`;
  return { thresholds, tooLittle };
}

/** The fewest people who make so many pairs. */
const peopleFor = (pairs: number): number => Math.ceil((1 + Math.sqrt(1 + 8 * pairs)) / 2);

/** All pairs of these rows, or evenly spread ones where they are many: two numbers each. */
function somePairs(rows: readonly number[]): number[] {
  const all = (rows.length * (rows.length - 1)) / 2;
  const every = Math.ceil(all / MOST_PAIRS);
  const pairs: number[] = [];
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    for (let j = i + 1; j < rows.length; j++) if (at++ % every === 0) pairs.push(rows[i]!, rows[j]!);
  }
  return pairs;
}
