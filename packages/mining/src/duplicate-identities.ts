import { check, integer, type OptionsOf, option, pairKey, readOptions } from '@protomem/core';
import { splitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

const duplicateOptions = {
  threshold: option.number({
    help: 'Cosine of two images from which on their identities are suspected.',
    ...{ min: -1, max: 1, default: 0.7 },
  }),
  limit: option.integer({
    help: 'Pairs of identities in the answer, at most: the most alike.',
    min: 1,
    default: 10_000,
  }),
  block: option.integer({
    help: 'Images compared with as many at a time; block² floats are held.',
    ...{ min: 1, default: 1024 },
  }),
};

/** Options of {@link findDuplicateIdentities}. */
export interface DuplicateOptions extends OptionsOf<typeof duplicateOptions> {}

/** Two identities of which at least two images are suspiciously alike. */
export interface DuplicateIdentities {
  /** The lower of both ids. */
  readonly a: number;
  readonly b: number;
  /** Of their most alike images. */
  readonly cosine: number;
  /** Those images, as rows of the embeddings: of `a`, of `b`. */
  readonly images: readonly [number, number];
  /** Pairs of their images that reach the threshold; may be too low where `limit` cuts pairs of identities off. */
  readonly pairs: number;
}

/**
 * Looks for one person under two ids in a whole data set: compares every image with every other, in blocks, exactly
 * (in float32). Time O(n² D); memory O(block² + limit + n D), whatever is found.
 *
 * @param embeddings `[n, D]`, float32, not necessarily at unit length; stays the caller's.
 * @param labels n identities, integers in [0, 2^53).
 * @returns the most alike first.
 * @throws ProtomemError when shapes do not fit or the length of an embedding is not finite.
 *
 * @example
 * ```ts
 * const embeddings = tf.tensor2d([[1, 0], [0.9, 0.1], [0, 1]]);
 * findDuplicateIdentities(embeddings, [4, 7, 9], { threshold: 0.7 });
 * // [{ a: 4, b: 7, cosine: 0.994, images: [0, 1], pairs: 1 }]
 * ```
 */
export function findDuplicateIdentities(
  embeddings: tf.Tensor2D,
  labels: ArrayLike<number>,
  options: DuplicateOptions = {},
): DuplicateIdentities[] {
  const where = 'findDuplicateIdentities';
  const { threshold, limit, block } = readOptions(where, duplicateOptions, options);
  check(embeddings.rank === 2 && embeddings.shape[0] === labels.length, () => ({
    where,
    what: 'shape of embeddings',
    got: embeddings.shape,
    expected: `[${labels.length}, D], one row for each label`,
  }));
  for (let i = 0; i < labels.length; i++) integer(where, `label ${i}`, labels[i]!, 0);

  const n = labels.length;
  const found = new Map<string, Found>();
  const { unit, norms } = tf.tidy(() => splitRows(embeddings));
  try {
    norms.dataSync().forEach((length, i) => {
      check(Number.isFinite(length), () => ({
        where,
        what: `embedding ${i} of ${n}`,
        got: `of length ${length}`,
        expected: 'finite',
        fix: 'Look at this image.',
      }));
    });
    for (let top = 0; top < n; top += block) {
      for (let left = top; left < n; left += block) {
        const [rows, columns] = [Math.min(block, n - top), Math.min(block, n - left)];
        const cosines = tf.tidy(() =>
          tf
            .matMul(tf.slice(unit, [top, 0], [rows, -1]), tf.slice(unit, [left, 0], [columns, -1]), false, true)
            .dataSync<'float32'>(),
        );
        for (let i = 0; i < rows; i++) {
          for (let j = left === top ? i + 1 : 0; j < columns; j++) {
            const cosine = cosines[i * columns + j]!;
            if (cosine >= threshold) note(found, labels, top + i, left + j, cosine);
          }
        }
        if (found.size > 2 * limit) prune(found, limit);
      }
    }
  } finally {
    tf.dispose([unit, norms]);
  }
  prune(found, limit);
  return [...found.values()].map((pair) => ({ ...pair }));
}

type Found = { -readonly [K in keyof DuplicateIdentities]: DuplicateIdentities[K] };

function note(found: Map<string, Found>, labels: ArrayLike<number>, i: number, j: number, cosine: number): void {
  if (labels[i] === labels[j]) return;
  const [first, second] = labels[i]! < labels[j]! ? [i, j] : [j, i];
  const [a, b] = [labels[first]!, labels[second]!];
  const key = pairKey(a, b);
  const pair = found.get(key);
  if (!pair) {
    found.set(key, { a, b, cosine, images: [first, second], pairs: 1 });
    return;
  }
  pair.pairs++;
  if (cosine > pair.cosine) {
    pair.cosine = cosine;
    pair.images = [first, second];
  }
}

/** Keeps the most alike. Exact: a pair that goes and comes again, comes with a higher cosine or goes again. */
function prune(found: Map<string, Found>, limit: number): void {
  const kept = [...found].sort(([, x], [, y]) => y.cosine - x.cosine || x.a - y.a || x.b - y.b).slice(0, limit);
  found.clear();
  for (const [key, pair] of kept) found.set(key, pair);
}
