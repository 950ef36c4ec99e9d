import { check } from '@protomem/core';

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
    check(Number.isFinite(scores[i]), () => ({
      where,
      what: `scores[${i}]`,
      got: scores[i],
      expected: 'a finite number',
      fix: 'An embedding holds NaN or Infinity, or training has diverged.',
    }));
    const label = Number(labels[i]);
    check(label === 0 || label === 1, () => ({
      where,
      what: `labels[${i}]`,
      got: labels[i],
      expected: '1 for the same person or 0 for different people',
    }));
    positives += label;
  }
  const negatives = scores.length - positives;
  check(positives > 0 && negatives > 0, () => ({
    where,
    what: 'labels',
    got: `${positives} same and ${negatives} different`,
    expected: 'at least one pair of each kind',
    fix: 'Check the order of the pair list and its labels.',
  }));
  return { positives, negatives };
}
