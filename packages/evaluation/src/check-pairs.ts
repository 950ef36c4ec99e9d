import { check, ProtomemError } from '@protomem/core';

/** Refuses scores and labels from which no rate can be had, and counts the two kinds of pairs. */
export function checkPairs(
  where: string,
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
): { readonly positives: number; readonly negatives: number } {
  check(scores.length === labels.length, () => ({
    where,
    what: 'length of labels',
    got: labels.length,
    expected: `${scores.length}, one for each score`,
  }));
  let positives = 0;
  for (let i = 0; i < scores.length; i++) {
    const label = Number(labels[i]);
    // Plain conditions: this loop runs over millions of pairs.
    if (!Number.isFinite(scores[i]) || (label !== 0 && label !== 1)) refuse(where, i, scores[i], labels[i]);
    positives += label;
  }
  const negatives = scores.length - positives;
  checkKinds(where, positives, negatives);
  return { positives, negatives };
}

/** Refuses a list with one kind of pairs only. */
export function checkKinds(where: string, positives: number, negatives: number): void {
  check(positives > 0 && negatives > 0, () => ({
    where,
    what: 'labels',
    got: `${positives} same and ${negatives} different`,
    expected: 'at least one pair of each kind',
    fix: 'Check the order of the pair list and its labels.',
  }));
}

function refuse(where: string, i: number, score: unknown, label: unknown): never {
  if (!Number.isFinite(score)) {
    throw new ProtomemError({
      where,
      what: `scores[${i}]`,
      got: score,
      expected: 'a finite number',
      fix: 'An embedding holds NaN or Infinity, or training has diverged.',
    });
  }
  throw new ProtomemError({
    where,
    what: `labels[${i}]`,
    got: label,
    expected: '1 for the same person or 0 for different people',
  });
}

type Scores = Float32Array | Float64Array;

/** The scores of same-person pairs, lowest first, and those of different people. Takes what {@link checkPairs} let through. */
export function sortedByKind(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
): { same: Scores; different: Scores } {
  return { same: sortedKind(scores, labels, true), different: sortedKind(scores, labels, false) };
}

/** The scores of one kind of pairs, lowest first. */
export function sortedKind(scores: ArrayLike<number>, labels: ArrayLike<number | boolean>, same: boolean): Scores {
  let count = 0;
  for (let i = 0; i < labels.length; i++) if (Boolean(labels[i]) === same) count++;
  const kept = new (scores instanceof Float32Array ? Float32Array : Float64Array)(count);
  for (let i = 0, k = 0; i < scores.length; i++) if (Boolean(labels[i]) === same) kept[k++] = scores[i]!;
  // Without a comparator sorting is native: no objects are made, and millions take a second.
  return kept.sort();
}
