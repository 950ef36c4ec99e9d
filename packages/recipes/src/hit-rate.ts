import type { RunConfig } from './run-schema.ts';

/** What a plan has to know of the training data. */
export interface DataFacts {
  readonly identities: number;
  /** Number of identities by how many images they have. */
  readonly byImages: ReadonlyMap<number, number>;
}

/** Points at which a pass is looked at. */
const POINTS = 200;

/**
 * The share of a run's classes that will be found in memory, by arithmetic; the mean over all of its steps, of which the
 * first find nothing. Nothing where the head has no Prototype Memory.
 *
 * A memory whose oldest leave keeps the M classes that were shown last, so that a class is found when fewer than M others
 * came since its last visit. Orders go through V visits in each pass, shuffled anew, v of them to a class (1, or its portions
 * of images). With a stretch of two passes that leaves out the share u of all positions, u = (1 - x)(1 - y) for the last x
 * of one and the first y of the next, sum(1 - u^v) classes were seen; u* is where these are M. Then a class that comes v
 * times a pass is found with the chance
 *
 *   1 - k + (k ln k) / v,  k = u*^v
 *
 * and all classes of an order with N <= M are. For v = 1 that is m + (1 - m) ln(1 - m) with m = M / N: a shuffled pass
 * over twice the slots finds 15 %, since nobody comes back soon. Groups of at most M classes, gone through R times, give
 * (R - 1) / R; larger ones the formula with the group in the place of N. Look-alikes are named out of the memory: all are
 * found. Strangers who fill places (`fewImages=fill`) are found with the chance M / N, and take slots. Of other evictions than
 * `oldest` it is an estimate.
 *
 * @returns 0 ... 1; the test compares it with samplers and memories that run
 */
export function expectedHitRate(config: RunConfig, data: DataFacts): number | undefined {
  const { head, sampler, steps } = config;
  if (head.kind !== 'prototype-memory') return undefined;
  const { classes, images, fewImages } = sampler;
  const starters = startersOf(sampler);
  const strangers = fewImages === 'fill' ? strangersPerClass(data, images) : 0;
  // A batch looks up its classes before any of them enters: half of one has come and not entered yet.
  const slots = head.size + (classes - 1) / 2;
  const shown = { data, slots, strangers: (strangers * classes) / starters };
  const draws = steps * starters;
  const found = draws > 0 ? hitsOf(config, shown, draws) / draws : 0;
  const companions = classes - starters;
  const known = Math.min(1, meanOccupancy(head.size, draws * (1 + strangers)) / data.identities);
  return (starters * found + companions + classes * strangers * known) / (classes * (1 + strangers));
}

/** Classes of a batch that come in the sampler's order; the others are look-alikes. */
export function startersOf({ companions, classes }: RunConfig['sampler']): number {
  return companions.kind === 'none' ? classes : Math.max(1, Math.round(companions.randomShare * classes));
}

/** Identities that the rule for those with few images lets take part. */
export function takingPart({ byImages }: DataFacts, { images, fewImages }: RunConfig['sampler']): number {
  let count = 0;
  for (const [own, identities] of byImages) if (fewImages !== 'skip' || own >= images) count += identities;
  return count;
}

interface Shown {
  readonly data: DataFacts;
  readonly slots: number;
  /** Who come with each visit to fill places. */
  readonly strangers: number;
}

/** Visits of so many that find their class in memory. */
function hitsOf({ sampler }: RunConfig, shown: Shown, draws: number): number {
  const { order, images } = sampler;
  const people = takingPart(shown.data, sampler);
  const inGroups = 'rounds' in order;
  if (inGroups || order.kind === 'every-class') {
    const rounds = inGroups ? order.rounds : 1;
    const groupSize = (inGroups && order.groupSize) || shown.data.identities;
    const groups = Math.ceil(shown.data.identities / groupSize);
    // One group is gone through without an end.
    if (groups === 1) return passes(new Map([[1, people]]), shown, draws);
    return hitsOfGroups(people, groups, rounds, shown, draws);
  }
  const power = 'power' in order ? order.power : undefined;
  const visits = new Map<number, number>();
  for (const [own, identities] of shown.data.byImages) {
    if (sampler.fewImages === 'skip' && own < images) continue;
    const often = power === undefined ? Math.ceil(own / images) : Math.max(1, Math.round((own / images) ** power));
    visits.set(often, (visits.get(often) ?? 0) + identities);
  }
  return passes(visits, shown, draws);
}

function hitsOfGroups(people: number, groups: number, rounds: number, shown: Shown, draws: number): number {
  if (people === 0) return 0;
  const size = people / groups;
  const group = new Map([[1, size]]);
  const whole = Math.floor(draws / (size * rounds));
  const rest = draws - whole * size * rounds;
  // After a pass over all groups, the first visit may find what the last pass left.
  const again = Math.max(0, draws - people * rounds) / rounds;
  const everybody = new Map([[1, people]]);
  const left = again > 0 ? passes(everybody, shown, 2 * people) / people : 0;
  return whole * passes(group, shown, size * rounds) + passes(group, shown, rest) + again * left;
}

/** Hits of so many visits, pass after pass over the same classes, beginning with none in memory. */
function passes(visits: ReadonlyMap<number, number>, shown: Shown, draws: number): number {
  let total = 0;
  for (const [often, identities] of visits) total += often * identities;
  if (total === 0) return 0;
  const unseen = leastUnseen(visits, total, shown);
  const whole = Math.floor(draws / total);
  const rest = draws / total - whole;
  let hits = 0;
  for (const [often, identities] of visits) {
    const share = (later: boolean, until: number): number => often * identities * meanHit(often, unseen, later, until);
    if (whole === 0) hits += share(false, rest);
    else hits += share(false, 1) + (whole - 1) * share(true, 1) + share(true, rest);
  }
  // Some of the others came as strangers meanwhile.
  const meanwhile = (shown.strangers * total * (1 - unseen)) / shown.data.identities;
  return hits + (draws - hits) * (1 - Math.exp(-meanwhile));
}

/** Chance of a hit, summed over the first part of a pass, for a class that comes so often in one. */
function meanHit(often: number, unseen: number, later: boolean, until: number): number {
  let sum = 0;
  for (let point = 0; point < POINTS; point++) {
    const at = ((point + 0.5) / POINTS) * until;
    const stretch = Math.min(at, 1 - unseen);
    sum += 1 - (1 - stretch) ** (often - 1);
    // Not yet in this pass, and late enough in the last one.
    if (later && 1 - at > unseen) sum += (1 - at) ** (often - 1) * (1 - (unseen / (1 - at)) ** often);
  }
  return (sum / POINTS) * until;
}

/** u*: what a stretch of two passes leaves out when as many classes were seen in it as there are slots. */
function leastUnseen(visits: ReadonlyMap<number, number>, total: number, { data, slots, strangers }: Shown): number {
  const seenBy = (unseen: number): number => {
    let seen = 0;
    for (const [often, identities] of visits) seen += identities * (1 - unseen ** often);
    if (strangers === 0) return seen;
    // Passes that such a stretch takes in the mean.
    const long = unseen <= 0 ? 2 : unseen >= 1 ? 0 : 2 + (2 * (1 - unseen)) / Math.log(unseen);
    const all = data.identities;
    return seen + (all - seen) * (1 - Math.exp((-strangers * total * long) / all));
  };
  if (seenBy(0) <= slots) return 0;
  let [low, high] = [0, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (seenBy(middle) > slots) low = middle;
    else high = middle;
  }
  return high;
}

/** Classes in a memory that fills up with the first of so many visits, in the mean over all. */
function meanOccupancy(slots: number, visits: number): number {
  return visits <= slots ? visits / 2 : slots - slots ** 2 / (2 * visits);
}

/** Strangers that it takes in the mean to fill the places of a class with fewer than K images. */
function strangersPerClass({ identities, byImages }: DataFacts, images: number): number {
  const needed = [0];
  for (let places = 1; places < images; places++) {
    let more = 0;
    for (const [own, count] of byImages) more += (count / identities) * needed[places - Math.min(places, own)]!;
    needed.push(1 + more);
  }
  let mean = 0;
  for (const [own, count] of byImages) mean += (count / identities) * needed[Math.max(0, images - own)]!;
  return mean;
}
