import { check, integer, type OptionsOf, option, type Random, readOptions } from '@protomem/core';
import { checkPairs } from './check-pairs.ts';
import { checkConfidence, type Interval } from './intervals.ts';

const resampleOptions = {
  random: option.given<Random>()({ help: 'Where the draws come from.' }),
  /** 200: the standard error to about 5 % of itself. An interval deserves 1,000. */
  draws: option.integer({ help: 'How often the list is drawn again.', min: 2, default: 200 }),
  /**
   * The two people of each pair, `[P, 2]`, as any integers >= 0. When given, people are drawn, not pairs. Do give them:
   * pairs that share a person are not independent, and to take them so makes errors look smaller than they are.
   */
  people: option.given<ArrayLike<number>>()({
    help: 'The two people of each pair, `[P, 2]`: then people are drawn, not pairs.',
    absent: 'pairs are drawn',
  }),
};

export type ResampleOptions = OptionsOf<typeof resampleOptions>;

const bootstrapOptions = {
  ...resampleOptions,
  confidence: option.number({ help: 'Of the interval.', default: 0.95 }),
};

export type BootstrapOptions = OptionsOf<typeof bootstrapOptions>;

export interface Bootstrap {
  /** Spread of the measure over the draws, ddof = 1. */
  readonly standardError: number;
  /** Between percentiles of the draws. */
  readonly interval: Interval;
}

/**
 * The doubt about any measure by the bootstrap: the list is drawn again with replacement, and the spread of the measure
 * over the draws is returned. It covers what the binomial formula and Wilson's interval leave out: that the threshold at
 * a FAR is itself estimated; and, with `people`, that pairs share people.
 *
 * Without `people`, same and different pairs are drawn apart so that their numbers stay. With them, a person drawn n
 * times brings its own pairs n times, and a pair of two people stands in the draw as often as the product of theirs
 * says. A draw without pairs of both kinds is drawn again.
 *
 * @param measure of scores and labels, such as `(s, l) => tarAtFar(s, l, 1e-2).tar`.
 * @throws ProtomemError when the measure gives no finite number on a draw: at a FAR close to 1 / negatives it may.
 *
 * @example
 * ```ts
 * const measure = (s: Float64Array, l: Uint8Array) => tarAtFar(s, l, 1e-2).tar;
 * bootstrap(scores, labels, measure, { random: new Random(1), people }); // { standardError, interval }
 * ```
 *
 * Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6 and 13; on drawing people: Snijders
 * and Borgatti, "Non-parametric standard errors and tests for network statistics", 1999.
 */
export function bootstrap(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  measure: (scores: Float64Array, labels: Uint8Array) => number | null,
  options: BootstrapOptions,
): Bootstrap {
  const where = 'bootstrap';
  const { confidence, ...drawing } = readOptions(where, bootstrapOptions, options);
  checkConfidence(where, confidence);
  const results: number[] = [];
  for (const drawn of resamples(scores, labels, drawing)) {
    const result = measure(drawn.scores, drawn.labels);
    check(Number.isFinite(result), () => ({
      where,
      what: `the measure on draw ${results.length}`,
      got: result,
      expected: 'a finite number',
      fix: 'Take a FAR that is well above 1 / negatives, or a longer list.',
    }));
    results.push(result!);
  }
  const mean = results.reduce((a, b) => a + b, 0) / results.length;
  const squares = results.reduce((sum, result) => sum + (result - mean) ** 2, 0);
  return {
    standardError: Math.sqrt(squares / (results.length - 1)),
    interval: percentileInterval(results, confidence),
  };
}

/** The lists that {@link bootstrap} measures, for measures of more than one number, such as curves. */
export function* resamples(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  options: ResampleOptions,
): Generator<{ readonly scores: Float64Array; readonly labels: Uint8Array }> {
  const { random, draws, people } = readOptions('bootstrap', resampleOptions, options);
  checkPairs('bootstrap', scores, labels);
  const counts = people ? drawPeople(people, scores.length, random) : drawPairs(labels, random);
  for (let draw = 0; draw < draws; ) {
    const drawn = repeat(scores, labels, counts());
    const positives = drawn.labels.reduce((sum, label) => sum + label, 0);
    if (positives === 0 || positives === drawn.labels.length) continue;
    draw++;
    yield drawn;
  }
}

/** What the middle of some draws lies between: percentiles, linear between neighbours. */
export function percentileInterval(draws: readonly number[], confidence = 0.95): Interval {
  checkConfidence('percentileInterval', confidence);
  const sorted = Float64Array.from(draws).sort();
  return [percentile(sorted, (1 - confidence) / 2), percentile(sorted, (1 + confidence) / 2)];
}

/** How often each pair stands in a draw: pairs drawn within their kind. */
function drawPairs(labels: ArrayLike<number | boolean>, random: Random): () => Uint32Array {
  const kinds = [0, 1].map((kind) => Array.from(labels, Number).flatMap((label, i) => (label === kind ? [i] : [])));
  return () => {
    const counts = new Uint32Array(labels.length);
    for (const kind of kinds) for (let i = 0; i < kind.length; i++) counts[kind[random.below(kind.length)]!]!++;
    return counts;
  };
}

/** How often each pair stands in a draw of people. */
function drawPeople(people: ArrayLike<number>, pairs: number, random: Random): () => Uint32Array {
  check(people.length === 2 * pairs, () => ({
    where: 'bootstrap',
    what: 'length of people',
    got: people.length,
    expected: `${2 * pairs}, two for each pair`,
  }));
  const rows = new Map<number, number>();
  const rowOf = Uint32Array.from(people, (person, i) => {
    integer('bootstrap', `people[${i}]`, person, 0);
    if (!rows.has(person)) rows.set(person, rows.size);
    return rows.get(person)!;
  });
  return () => {
    const times = new Uint32Array(rows.size);
    for (let i = 0; i < rows.size; i++) times[random.below(rows.size)]!++;
    return Uint32Array.from({ length: pairs }, (_, pair) => {
      const [a, b] = [rowOf[2 * pair]!, rowOf[2 * pair + 1]!];
      return a === b ? times[a]! : times[a]! * times[b]!;
    });
  };
}

function repeat(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, counts: Uint32Array) {
  const length = counts.reduce((sum, count) => sum + count, 0);
  const drawn = { scores: new Float64Array(length), labels: new Uint8Array(length) };
  for (let i = 0, at = 0; i < counts.length; i++) {
    const end = at + counts[i]!;
    drawn.scores.fill(scores[i]!, at, end);
    drawn.labels.fill(Number(labels[i]), at, end);
    at = end;
  }
  return drawn;
}

function percentile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (place - below) * (high - low);
}
