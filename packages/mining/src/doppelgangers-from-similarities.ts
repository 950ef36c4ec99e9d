import { check, type LookAlike, type OptionsOf, option, readOptions } from '@protomem/core';
import { DoppelgangerTable, tableOptions } from './doppelganger-table.ts';
import { type Matrix, rowsOf } from './similarity-rows.ts';

const similarityOptions = {
  doppelgangers: tableOptions.doppelgangers,
  duplicateAbove: option.number({
    help: 'Likeness above which two may be one person: no look-alikes then, but listed as suspects. The default is for cosines.',
    default: 0.7,
  }),
  suspects: option.integer({
    help: 'Suspected pairs kept.',
    ...{ min: 0, default: Number.MAX_SAFE_INTEGER },
  }),
};

/**
 * A doppelganger table out of somebody else's similarities, without training: the `doppelgangers` most alike identities of
 * each, without pairs above `duplicateAbove`, which are its suspects. The likeness of two identities is that of their
 * most alike images, looked up either way. Time O(n²).
 *
 * @param similarities `[n, n]`, any numbers that grow with likeness; the diagonal is not looked at.
 * @param labels n identities, integers in [0, 2^53); one each for a matrix of classes, or several for one of images.
 * @param options of the table, which has a row for each identity: `doppelgangers`, default 4; `duplicateAbove`, on the scale
 *   of the similarities, default 0.7; `suspects`, as many as there are unless given.
 *
 * @throws ProtomemError when shapes do not fit, a label is none, or a similarity between identities is not finite.
 *
 * @example
 * ```ts
 * const table = doppelgangersFromSimilarities([[1, 0.6, 0.1], [0.6, 1, 0.2], [0.1, 0.2, 1]], [10, 20, 30], { doppelgangers: 1 });
 * table.doppelgangersOf(30); // [{ id: 20, cosine: 0.2, step: 1 }]
 * ```
 */
export function doppelgangersFromSimilarities(
  similarities: Matrix,
  labels: ArrayLike<number>,
  options: OptionsOf<typeof similarityOptions> = {},
): DoppelgangerTable {
  const settings = readOptions('doppelgangersFromSimilarities', similarityOptions, options);
  const n = labels.length;
  const rows = rowsOf('doppelgangersFromSimilarities', 'similarities', similarities, n, n);
  const imagesOf = new Map<number, number[]>();
  for (let i = 0; i < n; i++) {
    const images = imagesOf.get(labels[i]!);
    if (images) images.push(i);
    else imagesOf.set(labels[i]!, [i]);
  }
  const lookAlikes: LookAlike[] = [];
  const { doppelgangers, duplicateAbove } = settings;
  for (const [id, images] of imagesOf) {
    const best = new Map<number, number>();
    for (const i of images) {
      for (let j = 0; j < n; j++) {
        const other = labels[j]!;
        if (other === id) continue;
        const cosine = Math.max(rows[i]![j]!, rows[j]![i]!);
        check(Number.isFinite(cosine), () => ({
          where: 'doppelgangersFromSimilarities',
          what: `similarity of ${i} and ${j}`,
          got: cosine,
          expected: 'a finite number',
        }));
        if (cosine > (best.get(other) ?? Number.NEGATIVE_INFINITY)) best.set(other, cosine);
      }
    }
    const ranked = [...best].sort(([, x], [, y]) => y - x);
    const duplicates = ranked.filter(([, cosine]) => cosine > duplicateAbove).length;
    for (const [lookAlike, cosine] of ranked.slice(0, duplicates + doppelgangers))
      lookAlikes.push({ id, lookAlike, cosine });
  }
  const table = new DoppelgangerTable({ ...settings, rows: Math.max(1, imagesOf.size), expireAfter: undefined });
  table.observe(lookAlikes);
  return table;
}
