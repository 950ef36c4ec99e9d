import { check, Random } from '@protomem/core';
import { bestThreshold, type MatrixProduct, tarAtFars } from '@protomem/evaluation';
import { tensorProduct } from '@protomem/protocols';

const rates = { 'tar-1e-2': 1e-2, 'tar-1e-3': 1e-3, 'tar-1e-4': 1e-4 };
/** Rows of the table of all cosines that are made at once. */
const ROWS = 128;

/**
 * TAR at three FARs over all pairs of all images, with its standard error over people (the threshold taken as given), and
 * the best accuracy over as many pairs of different people as there are of the same. All are shares.
 *
 * @param embeddings `[N, D]` at unit length
 * @param people N, who is on each image
 */
export async function heldOutFigures(
  embeddings: Float32Array,
  people: ArrayLike<number>,
  product: MatrixProduct = tensorProduct,
): Promise<Record<string, number>> {
  const images = people.length;
  const width = embeddings.length / images;
  const pairs = (images * (images - 1)) / 2;
  const scores = new Float32Array(pairs);
  const labels = new Uint8Array(pairs);
  let at = 0;
  for (let from = 0; from < images; from += ROWS) {
    const rows = embeddings.subarray(from * width, (from + ROWS) * width);
    const cosines = await product(rows, embeddings, width);
    for (let a = from; a < Math.min(from + ROWS, images); a++) {
      for (let b = a + 1; b < images; b++) {
        scores[at] = cosines[(a - from) * images + b]!;
        labels[at++] = Number(people[a] === people[b]);
      }
    }
  }
  const found = tarAtFars(scores, labels, Object.values(rates));
  const figures: Record<string, number> = {};
  for (const [i, name] of Object.keys(rates).entries()) {
    const { tar, threshold } = found[i]!;
    check(tar !== null && threshold !== null, () => ({
      where: 'heldOutFigures',
      what: 'pairs of different people',
      got: labels.length - labels.reduce((a, b) => a + b, 0),
      expected: `enough for ${name}`,
    }));
    figures[name] = tar!;
    figures[`${name}-error`] = errorOverPeople(scores, labels, people, threshold!);
  }
  return { ...figures, accuracy: balancedAccuracy(scores, labels) };
}

/** People are drawn, not pairs: the standard error of the share of accepted pairs, as a ratio of two means over people. */
function errorOverPeople(
  scores: Float32Array,
  labels: Uint8Array,
  people: ArrayLike<number>,
  threshold: number,
): number {
  const byPerson = new Map<number, { pairs: number; accepted: number }>();
  let at = 0;
  for (let a = 0; a < people.length; a++) {
    for (let b = a + 1; b < people.length; b++, at++) {
      if (!labels[at]) continue;
      const one = byPerson.get(people[a]!) ?? { pairs: 0, accepted: 0 };
      one.pairs++;
      one.accepted += Number(scores[at]! >= threshold);
      byPerson.set(people[a]!, one);
    }
  }
  const all = [...byPerson.values()];
  const pairs = all.reduce((sum, one) => sum + one.pairs, 0);
  const share = all.reduce((sum, one) => sum + one.accepted, 0) / pairs;
  const squares = all.reduce((sum, one) => sum + (one.accepted - share * one.pairs) ** 2, 0);
  return Math.sqrt((squares * all.length) / Math.max(1, all.length - 1)) / pairs;
}

/** All pairs of the same person, and as many others, drawn from a fixed seed. */
function balancedAccuracy(scores: Float32Array, labels: Uint8Array): number {
  const same = labels.reduce((a, b) => a + b, 0);
  const random = new Random(0);
  const drawn = Array.from({ length: same }, () => {
    for (;;) {
      const pair = random.below(labels.length);
      if (!labels[pair]) return scores[pair]!;
    }
  });
  const own = scores.filter((_, pair) => labels[pair]);
  const chosen = Float32Array.from([...own, ...drawn]);
  return bestThreshold(
    chosen,
    Uint8Array.from(chosen, (_, i) => Number(i < own.length)),
  ).accuracy;
}
