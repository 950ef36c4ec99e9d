import { check } from '@protomem/core';

/** How sure it is that two encoders differ. */
export interface SignFlipTest {
  /** Mean of the differences. */
  readonly mean: number;
  /** Of the mean: standard deviation over the square root of their number. */
  readonly standardError: number;
  /**
   * Two-sided: how often differences of these sizes have a mean as large when each sign is a coin's. With n folds it is
   * never below 2 / 2^n.
   */
  readonly pValue: number;
}

/** Figures of one encoder that {@link signFlipTest} takes at most: 2^20 ways to flip signs. */
export const MOST_FIGURES = 20;

/**
 * Exact paired permutation test: two encoders on the same folds (or seeds), their accuracies in the same order. Goes
 * through all 2^n ways to flip the signs of the differences, so nothing is assumed about how these are distributed; that
 * folds are independent is, although their thresholds come from overlapping parts.
 *
 * @param one figures of one encoder, 2 to 20, finite.
 * @param other as many of the other.
 *
 * @example
 * ```ts
 * signFlipTest([0.91, 0.92, 0.9], [0.9, 0.91, 0.88]); // { mean: 0.0133, standardError: 0.0033, pValue: 0.25 }
 * ```
 *
 * Source: Fisher, "The Design of Experiments", 1935, chapter 3; Dietterich, "Approximate Statistical Tests for Comparing
 * Supervised Classification Learning Algorithms", 1998, on what cross-validated folds can tell.
 */
export function signFlipTest(one: readonly number[], other: readonly number[]): SignFlipTest {
  const count = one.length;
  check(count === other.length && count >= 2 && count <= MOST_FIGURES, () => ({
    where: 'signFlipTest',
    what: 'number of figures',
    got: `${count} and ${other.length}`,
    expected: `as many of both, 2 to ${MOST_FIGURES}`,
  }));
  for (const [name, figures] of Object.entries({ one, other })) {
    for (const [i, figure] of figures.entries()) {
      check(Number.isFinite(figure), () => ({
        where: 'signFlipTest',
        what: `${name}[${i}]`,
        got: figure,
        expected: 'a finite number',
      }));
    }
  }
  const differences = one.map((value, i) => value - other[i]!);
  const sum = differences.reduce((a, b) => a + b, 0);
  // Sums of the same numbers in another order differ by rounding.
  const reach = Math.abs(sum) - 1e-12;
  let asLarge = 0;
  for (let signs = 0; signs < 2 ** count; signs++) {
    let flipped = 0;
    for (let i = 0; i < count; i++) flipped += signs & (1 << i) ? -differences[i]! : differences[i]!;
    if (Math.abs(flipped) >= reach) asLarge++;
  }
  const mean = sum / count;
  const squares = differences.reduce((total, difference) => total + (difference - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / (count - 1) / count), pValue: asLarge / 2 ** count };
}
