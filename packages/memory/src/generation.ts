import { lookUp } from '@protomem/core';
import { stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** Exemplars, and which of them each prototype is to be made from. */
export interface Exemplars {
  /** Embeddings scaled to unit length, `[B, D]`. */
  readonly unit: tf.Tensor2D;
  /** Lengths that the embeddings had, `[B]`. */
  readonly norms: tf.Tensor1D;
  /** 1 where exemplar j (column) supports prototype g (row), else 0; `[G, B]`. */
  readonly support: tf.Tensor2D;
}

/**
 * A way to generate prototypes (choice C1): the weight of each exemplar in each prototype. The prototype is then
 * `normalize(sum_j weight[g, j] * unit[j])`.
 *
 * @returns `[G, B]`, float32, zero wherever `support` is; the caller's
 */
export type Generation = (exemplars: Exemplars) => tf.Tensor2D;

/**
 * - `mean`: every exemplar alike, so the normalized mean of the normalized exemplars.
 * - `medoid`: the one exemplar whose cosines to the others sum highest; of those within 1e-5, as two alone always are, the
 *   first.
 * - `quality`: weighted by the embedding's length, which grows with an image's quality; so the normalized mean of the
 *   embeddings as they are.
 */
export const generations = { mean, medoid, quality } as const;

export type GenerationName = keyof typeof generations;

/** The generation of that name; a function stays what it is. */
export function toGeneration(where: string, generation: GenerationName | Generation): Generation {
  if (typeof generation === 'function') return generation;
  return lookUp<Generation>(where, 'generation', generations, generation);
}

function mean({ support }: Exemplars): tf.Tensor2D {
  return tf.clone(support);
}

function quality({ support, norms }: Exemplars): tf.Tensor2D {
  return tf.mul(support, norms);
}

function medoid({ support, unit }: Exemplars): tf.Tensor2D {
  return tf.tidy(() => {
    // Which exemplar it is has no gradient.
    const fixed = stopGradient(unit);
    const closeness = tf.matMul(support, tf.matMul(fixed, fixed, false, true));
    // Rounding must not choose among equals, else engines disagree: each place later counts a little less.
    const handicap = tf.mul(tf.cumsum(support, 1), 1e-5);
    const amongSupport = tf.sub(tf.add(closeness, tf.mul(tf.sub(support, 1), 1e9)), handicap);
    const chosen = tf.cast(tf.equal(amongSupport, tf.max(amongSupport, 1, true)), 'float32');
    // Without any support the highest is nobody's.
    return tf.mul(chosen, support);
  });
}
