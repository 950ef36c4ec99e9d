import { number, type OptionsOf, option, readOptions, upperBound } from '@protomem/core';
import { checkKinds, checkPairs } from './check-pairs.ts';
import { type Interval, wilsonInterval } from './intervals.ts';
import { type RocCurve, rocCurve } from './roc-curve.ts';

/** True accept rate at a false accept rate. */
export interface TarAtFar {
  /** The target. */
  readonly far: number;
  /** False when the target is below one false match among all pairs of different people: nothing can be said then. */
  readonly reachable: boolean;
  /** Share of same-person pairs accepted; null when the target is unreachable. */
  readonly tar: number | null;
  /** Pairs with `score >= threshold` are accepted; null when the target is unreachable. */
  readonly threshold: number | null;
  /** The false accept rate at that threshold, <= far; null when the target is unreachable. */
  readonly actualFar: number | null;
  /** Binomial: sqrt(tar (1 - tar) / positives). Leaves out that the threshold is estimated too: see {@link bootstrap}. */
  readonly standardError: number | null;
  /** Wilson's interval of `tar`, 95 %; it too takes the threshold as given. */
  readonly interval: Interval | null;
}

/**
 * TAR at a FAR, exact and conservative: the lowest threshold, over all of them, whose false accept rate does not exceed
 * the target. No interpolation and no grid. A target below `1 / negatives` is unreachable: with no false match allowed,
 * the list cannot tell that rate from any smaller one, and a figure would be read as if it could.
 *
 * @param scores of the pairs, higher means more alike.
 * @param labels 1 for the same person, 0 for different people.
 * @param far the target, in (0, 1].
 * @throws ProtomemError on scores that are not finite, labels other than 0 and 1, or only one kind of pair.
 *
 * @example
 * ```ts
 * tarAtFar(Float64Array.of(0.9, 0.6, 0.7, 0.1), Uint8Array.of(1, 1, 0, 0), 0.5);
 * // { far: 0.5, reachable: true, tar: 1, threshold: 0.6, actualFar: 0.5, standardError: 0, interval: [0.34, 1] }
 * ```
 *
 * Differs from the IJB scripts, which take the point with the *nearest* FAR (it may exceed the target), and from
 * InsightFace's, which interpolates a grid of thresholds.
 */
export function tarAtFar(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, far: number): TarAtFar {
  return tarAtFars(scores, labels, [far])[0]!;
}

/**
 * {@link tarAtFar} for several targets at once, for lists of any length: only the strangers' scores that the largest
 * target can accept are sorted (found by counting scores in bins), so that 15.7 million pairs take a fraction of a
 * second and little memory beside the scores. Ties are exact.
 *
 * @param scores a Float32Array or Float64Array is read in place.
 * @param options `rule: 'nearest'` takes the corner of the ROC curve whose FAR is nearest to the target, the upper one
 *   of two equally near, even for targets below `1 / negatives`: the arithmetic of the IJB scripts. It may exceed the
 *   target, and sorts all scores.
 *
 * @example
 * ```ts
 * for (const { far, tar, reachable } of tarAtFars(scores, labels, [1e-6, 1e-5, 1e-4])) {
 *   console.log(far, reachable ? tar : 'too few pairs');
 * }
 * ```
 *
 * Source of `nearest`: `ijb_11.py` of InsightFace and `roc_curve` of scikit-learn, which drops points on straight lines.
 */
export function tarAtFars(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  fars: readonly number[],
  options: TarAtFarOptions = {},
): readonly TarAtFar[] {
  const { rule } = readOptions('tarAtFar', tarAtFarOptions, options);
  for (const far of fars) number('tarAtFar', 'far', far, 0, 1);
  return rules[rule](scores, labels, fars);
}

type Scan = (scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, fars: readonly number[]) => TarAtFar[];

const rules = {
  conservative(scores, labels, fars) {
    const counted = countStrangers(scores, labels);
    const { positives, negatives } = counted;
    const reachable = fars.filter((far) => far >= 1 / negatives);
    const allowed = reachable.map((far) => allowedFalseAccepts(far, negatives));
    const { cuts, same } = cutsOfStrangers(scores, labels, counted, allowed);
    return fars.map((far) => {
      const cut = cuts[reachable.indexOf(far)];
      if (!cut) return unreachable(far);
      const s = upperBound(same, cut.limit);
      const threshold = Math.min(same[s] ?? Number.POSITIVE_INFINITY, cut.next);
      return result(far, same.length - s, positives, threshold, cut.above / negatives);
    });
  },
  nearest(scores, labels, fars) {
    const curve = rocCurve(scores, labels);
    const corners = cornersOf(curve);
    return fars.map((far) => {
      const distance = (i: number): number => Math.abs(curve.far[i]! - far);
      let best = corners[0]!;
      for (const i of corners) if (distance(i) <= distance(best)) best = i;
      const accepted = Math.round(curve.tar[best]! * curve.positives);
      return result(far, accepted, curve.positives, curve.thresholds[best]!, curve.far[best]!);
    });
  },
} satisfies Record<string, Scan>;

/**
 * How the threshold of a FAR is chosen. `conservative`: the rate is never exceeded and a target that the list is too
 * short for is unreachable. `nearest`: what the IJB scripts do; for comparison with figures that came from them.
 */
export type FarRule = keyof typeof rules;

const tarAtFarOptions = {
  rule: option.choice(rules, { help: 'How the threshold of a FAR is chosen.', default: 'conservative' }),
};

export type TarAtFarOptions = OptionsOf<typeof tarAtFarOptions>;

/** {@link tarAtFar} on a curve that is at hand. */
export function tarOfCurve(curve: RocCurve, far: number): TarAtFar {
  number('tarAtFar', 'far', far, 0, 1);
  if (far < 1 / curve.negatives) return unreachable(far);
  let i = curve.far.length - 1;
  while (curve.far[i]! > far) i--;
  return result(far, Math.round(curve.tar[i]! * curve.positives), curve.positives, curve.thresholds[i]!, curve.far[i]!);
}

/**
 * The threshold to deploy for a false accept rate: pairs with `score >= threshold` are accepted, and at most the share
 * `far` of the pairs of different people are. Null when the list has too few of them to tell (fewer than `1 / far`).
 * Infinity when every score above which the rate holds is absent (ties at the top).
 */
export function thresholdAtFar(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  far: number,
): number | null {
  return tarAtFar(scores, labels, far).threshold;
}

function result(far: number, accepted: number, positives: number, threshold: number, actualFar: number): TarAtFar {
  const tar = accepted / positives;
  const standardError = Math.sqrt((tar * (1 - tar)) / positives);
  return {
    far,
    reachable: true,
    tar,
    threshold,
    actualFar,
    standardError,
    interval: wilsonInterval(accepted, positives),
  };
}

function unreachable(far: number): TarAtFar {
  return { far, reachable: false, tar: null, threshold: null, actualFar: null, standardError: null, interval: null };
}

/** The largest k with k / negatives <= far, as floating point divides: 0.29 allows 29 of 100. */
function allowedFalseAccepts(far: number, negatives: number): number {
  let allowed = Math.floor(far * negatives);
  if ((allowed + 1) / negatives <= far) allowed++;
  else if (allowed / negatives > far) allowed--;
  return Math.min(allowed, negatives);
}

/**
 * Bins of scores: the upper half of their bits as float32, which are sign, exponent and seven digits. Rounding to float32
 * keeps order, so that a higher score is never in a lower bin.
 */
const bins = 2 ** 16;
const negativeZero = 2 ** 15;
const isBeyond = (bin: number): boolean => (bin & 0x7f80) === 0x7f80;

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Pairs as the loops below want them: bits of scores as float32, labels 0 and 1, any other value for what is neither. */
type Look = (bits: Uint32Array, labels: Uint8Array, from: number) => void;

/** Calls `look` with all pairs: with typed arrays in place, else block by block. */
function inBlocks(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, look: Look): void {
  if (scores instanceof Float32Array && labels instanceof Uint8Array) {
    look(new Uint32Array(scores.buffer, scores.byteOffset, scores.length), labels, 0);
    return;
  }
  const rounded = new Float32Array(4096);
  const kinds = new Uint8Array(rounded.length);
  for (let from = 0; from < scores.length; from += rounded.length) {
    const count = Math.min(rounded.length, scores.length - from);
    for (let i = 0; i < count; i++) {
      const label = Number(labels[from + i]);
      rounded[i] = scores[from + i]!;
      kinds[i] = label === 0 || label === 1 ? label : 2;
    }
    look(new Uint32Array(rounded.buffer, 0, count), kinds.subarray(0, count), from);
  }
}

/** How many strangers are in each bin, and how many pairs of each kind there are; refuses what {@link checkPairs} does. */
function countStrangers(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>) {
  const counts = [new Uint32Array(bins), new Uint32Array(bins)] as const;
  let seen = 0;
  if (scores.length === labels.length) {
    inBlocks(scores, labels, (bits, kinds) => {
      const [strangers, same] = counts;
      let all = 0;
      for (let i = 0; i < bits.length; i++) {
        const kind = kinds[i]!;
        all |= kind;
        if (kind === 0) strangers[bits[i]! >>> 16]!++;
        else same[bits[i]! >>> 16]!++;
      }
      seen |= all;
    });
  }
  const beyond = counts.some((own) => own.some((count, bin) => count > 0 && isBeyond(bin)));
  // What is beyond float32 may still be a number.
  if (scores.length !== labels.length || seen > 1 || beyond) checkPairs('tarAtFar', scores, labels);
  const [strangers] = counts;
  const negatives = strangers.reduce((sum, count) => sum + count, 0);
  const positives = scores.length - negatives;
  checkKinds('tarAtFar', positives, negatives);
  strangers[0]! += strangers[negativeZero]!;
  strangers[negativeZero] = 0;
  return { strangers, positives, negatives };
}

/** Where strangers' scores are cut for a number of them to be accepted. */
interface Cut {
  /** Score of the first who must not be accepted: only higher ones are. -Infinity where all are. */
  readonly limit: number;
  /** How many strangers are above, and the lowest score of theirs. */
  readonly above: number;
  readonly next: number;
}

/**
 * The cuts that accept at most so many strangers each, and the scores of same-person pairs, lowest first. Of the strangers
 * only those in the bin of a cut, and in the next one that is not empty, are looked at again.
 */
function cutsOfStrangers(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  { strangers: counts, positives }: ReturnType<typeof countStrangers>,
  allowed: readonly number[],
) {
  // The highest first. Negative numbers have their bits in the other order; -0 equals 0, and has its bin.
  const ordered = [...range(0, negativeZero).reverse(), ...range(negativeZero + 1, bins)];
  const filled = ordered.filter((bin) => counts[bin]! > 0);
  const places = allowed.map((count) => {
    let [k, higher] = [0, 0];
    while (k < filled.length - 1 && higher + counts[filled[k]!]! <= count) higher += counts[filled[k++]!]!;
    return { count, higher, bin: filled[k]!, after: filled[k - 1] };
  });
  // Their types are those of the scores: with few different scores, all may be in one bin.
  const Values = scores instanceof Float32Array ? Float32Array : Float64Array;
  const kept = new Map<number, { readonly values: Float32Array | Float64Array; used: number }>();
  const isWanted = new Uint8Array(bins);
  for (const bin of places.flatMap(({ bin, after }) => (after === undefined ? [bin] : [bin, after]))) {
    isWanted[bin] = 1;
    kept.set(bin, { values: new Values(counts[bin]!), used: 0 });
  }
  isWanted[negativeZero] = isWanted[0]!;
  const same = new Values(positives);
  let found = 0;
  inBlocks(scores, labels, (bits, kinds, from) => {
    for (let i = 0; i < bits.length; i++) {
      const bin = bits[i]! >>> 16;
      if ((kinds[i]! | isWanted[bin]!) === 0) continue;
      if (kinds[i]) same[found++] = scores[from + i]!;
      else {
        const own = kept.get(bin === negativeZero ? 0 : bin)!;
        own.values[own.used++] = scores[from + i]!;
      }
    }
  });
  // Without a comparator sorting is native.
  for (const { values } of kept.values()) values.sort();

  const cuts = places.map(({ count, bin, after, higher }): Cut => {
    const { values } = kept.get(bin)!;
    const all = higher + values.length;
    if (all <= count) return { limit: Number.NEGATIVE_INFINITY, above: all, next: values[0]! };
    const limit = values[all - 1 - count]!;
    const upTo = upperBound(values, limit);
    const lowestAfter = after === undefined ? Number.POSITIVE_INFINITY : kept.get(after)!.values[0]!;
    return { limit, above: all - upTo, next: values[upTo] ?? lowestAfter };
  });
  return { cuts, same: same.sort() };
}

/** The points that scikit-learn's `roc_curve` keeps: where the step to the next differs from the step before it. */
function cornersOf({ far, tar, negatives, positives }: RocCurve): number[] {
  const falseAccepts = (i: number): number => Math.round(far[i]! * negatives);
  const trueAccepts = (i: number): number => Math.round(tar[i]! * positives);
  const corners = [0];
  for (let i = 1; i < far.length; i++) {
    // Point 0, nothing accepted, is not one of the points that steps are taken between: it is put before them.
    const end = i === 1 || i === far.length - 1;
    const bend = (count: (i: number) => number): number => count(i + 1) - 2 * count(i) + count(i - 1);
    if (end || bend(falseAccepts) !== 0 || bend(trueAccepts) !== 0) corners.push(i);
  }
  return corners;
}
