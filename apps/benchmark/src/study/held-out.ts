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
  const own: OwnPair[] = [];
  let at = 0;
  for (let from = 0; from < images; from += ROWS) {
    const rows = embeddings.subarray(from * width, (from + ROWS) * width);
    const cosines = await product(rows, embeddings, width);
    for (let a = from; a < Math.min(from + ROWS, images); a++) {
      for (let b = a + 1; b < images; b++) {
        scores[at] = cosines[(a - from) * images + b]!;
        if (people[a] === people[b]) {
          labels[at] = 1;
          own.push({ person: people[a]!, score: scores[at]! });
        }
        at++;
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
      got: labels.length - own.length,
      expected: `enough for ${name}`,
    }));
    figures[name] = tar!;
    figures[`${name}-error`] = errorOverPeople(own, threshold!);
  }
  return { ...figures, accuracy: balancedAccuracy(own, scores, labels) };
}

/** Two images of one person. */
interface OwnPair {
  readonly person: number;
  readonly score: number;
}

/** People are drawn, not pairs: the standard error of the share of accepted pairs, as a ratio of two means over people. */
function errorOverPeople(own: readonly OwnPair[], threshold: number): number {
  const byPerson = new Map<number, { pairs: number; accepted: number }>();
  for (const { person, score } of own) {
    const one = byPerson.get(person) ?? { pairs: 0, accepted: 0 };
    one.pairs++;
    one.accepted += Number(score >= threshold);
    byPerson.set(person, one);
  }
  const all = [...byPerson.values()];
  const share = all.reduce((sum, one) => sum + one.accepted, 0) / own.length;
  const squares = all.reduce((sum, one) => sum + (one.accepted - share * one.pairs) ** 2, 0);
  return Math.sqrt((squares * all.length) / Math.max(1, all.length - 1)) / own.length;
}

/** All pairs of the same person, and as many others, drawn from a fixed seed. */
function balancedAccuracy(own: readonly OwnPair[], scores: Float32Array, labels: Uint8Array): number {
  const random = new Random(0);
  const drawn = Array.from({ length: own.length }, () => {
    for (;;) {
      const pair = random.below(labels.length);
      if (!labels[pair]) return scores[pair]!;
    }
  });
  const chosen = Float32Array.from([...own.map(({ score }) => score), ...drawn]);
  return bestThreshold(
    chosen,
    Uint8Array.from(chosen, (_, i) => Number(i < own.length)),
  ).accuracy;
}
