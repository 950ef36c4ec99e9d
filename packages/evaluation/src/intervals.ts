import { check, integer, number } from '@protomem/core';

/** Lower and upper end. */
export type Interval = readonly [low: number, high: number];

/**
 * Wilson's score interval of a share, with p = hits / trials and z the normal quantile of the confidence:
 * `(p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)`. Unlike the usual p ± error it keeps within [0, 1] and
 * says something when there are no hits or nothing but hits.
 *
 * @param confidence that the true share lies inside, in (0, 1). Default 0.95.
 *
 * @example
 * ```ts
 * wilsonInterval(0, 3000); // [0, 0.00128]: no false match in 3,000 pairs is no proof of a FAR of 0.1 %
 * ```
 *
 * Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
 */
export function wilsonInterval(hits: number, trials: number, confidence = 0.95): Interval {
  integer('wilsonInterval', 'trials', trials, 1);
  integer('wilsonInterval', 'hits', hits, 0, trials);
  const z = deviations('wilsonInterval', confidence);
  const share = hits / trials;
  const centre = share + z ** 2 / (2 * trials);
  const reach = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  // The ends are 0 and 1 exactly there; rounding would leave them beside.
  return [hits === 0 ? 0 : (centre - reach) / scale, hits === trials ? 1 : (centre + reach) / scale];
}

/** How many standard deviations each way hold a normal deviate with this confidence: 1.96 for 0.95. */
export function deviations(where: string, confidence: number): number {
  checkConfidence(where, confidence);
  return probit((1 + confidence) / 2);
}

export function checkConfidence(where: string, confidence: number): void {
  check(confidence > 0 && confidence < 1, () => ({
    where,
    what: 'confidence',
    got: confidence,
    expected: 'a number between 0 and 1, such as 0.95',
  }));
}

/**
 * The normal quantile: the z with `P(Z <= z) = share`; -Infinity at 0 and Infinity at 1. The axes of DET plots.
 *
 * @example
 * ```ts
 * probit(0.975); // 1.9599...
 * ```
 */
export function probit(share: number): number {
  number('probit', 'share', share, 0, 1);
  if (share > 0.5) return -probit(1 - share);
  if (share === 0) return Number.NEGATIVE_INFINITY;
  // The distribution function grows all the way: halving finds its inverse to the last bits.
  let [low, high] = [-40, 0];
  while (true) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return high;
    if (lowerTail(-middle) < share) low = middle;
    else high = middle;
  }
}

/** P(Z <= -x) for x >= 0: the series of the distribution function near 0, the continued fraction of its tail beyond. */
function lowerTail(x: number): number {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (x > 3) {
    let fraction = x;
    for (let k = 100; k > 0; k--) fraction = x + k / fraction;
    return density / fraction;
  }
  let sum = x;
  let term = x;
  for (let k = 3; term > sum * 1e-17; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 - density * sum;
}
