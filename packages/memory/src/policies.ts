import { stopGradient } from '@protomem/engine';
import type { Groups } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';

// The choices that the method leaves open and that are functions: C1, C2, C4 and C6 of the README. Each registry below is
// what its option names; a function of the user's own may stand for a name where its type is exported.

/** The policy of that name; a function stays what it is. */
export function policy<P>(policies: Readonly<Record<string, P>>, given: string | P): P {
  return typeof given === 'string' ? policies[given]! : given;
}

/** Exemplars, and which of them each prototype is to be made from. */
export interface Exemplars {
  /** Embeddings scaled to unit length, `[B, D]`. */
  readonly unit: tf.Tensor2D;
  /** Lengths that the embeddings had, `[B]`. */
  readonly norms: tf.Tensor1D;
  /** 1 where exemplar j (column) supports prototype g (row), else 0; `[G, B]`. */
  readonly support: tf.Tensor2D;
  /**
   * Recognizability of each image, `[B]`, in [0, 1]: `1 - max(0, cosine to the unrecognizable identity)`. All 1 before the
   * first batch, and under `mean`, `medoid` and `quality`, which do not look at it.
   */
  readonly recognizability: tf.Tensor1D;
  /** The option `minRecognizability`. */
  readonly minRecognizability: number;
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
 * - `medoid`: the one exemplar whose cosines to the others sum highest, each counting 1e-5 less than the one before it in the
 *   batch, so that of equals, as two alone always are, the first is taken.
 * - `quality`: weighted by the embedding's length, which grows with an image's quality; so the normalized mean of the
 *   embeddings as they are. After arXiv:2311.07734, of which a third party says that `q_j = |x_j| / max |x|` weighs `x_j` in
 *   `normalize(sum_j q_j x_j / sum_j q_j)`: neither divisor changes a direction, so that the maximum may be of a class or of a
 *   batch. That the weighted `x_j` is at unit length is this library's choice.
 * - `recognizability`: the soft form, weighted by {@link Exemplars.recognizability}, and at least by {@link LEAST_WEIGHT}, so
 *   that a class of unrecognizable images has a prototype too.
 * - `recognizable`: the hard form: images whose recognizability is below `minRecognizability` are left out, unless all of a
 *   prototype's are; then all of them count alike.
 *
 * Of the last two only that much is given by that paper's abstract and a summary of it: a score from a prototype of an
 * "unrecognizable identity", in a hard and a soft form. The score is as of Deng et al., "Harnessing Unrecognizable Faces for
 * Improving Face Recognition" (arXiv:2106.04112); where the unrecognizable identity comes from ({@link unrecognizableOf}), the
 * threshold and the two exceptions are this library's choice.
 */
export const generations = {
  mean: ({ support }: Exemplars): tf.Tensor2D => tf.clone(support),
  medoid: ({ support, unit }: Exemplars): tf.Tensor2D =>
    tf.tidy(() => {
      // Which exemplar it is has no gradient.
      const fixed = stopGradient(unit);
      const closeness = tf.matMul(support, tf.matMul(fixed, fixed, false, true));
      // Rounding must not choose among equals, else engines disagree: each place later counts a little less.
      const handicap = tf.mul(tf.cumsum(support, 1), 1e-5);
      const amongSupport = tf.sub(tf.add(closeness, tf.mul(tf.sub(support, 1), 1e9)), handicap);
      const chosen = tf.cast(tf.equal(amongSupport, tf.max(amongSupport, 1, true)), 'float32');
      // Without any support the highest is none's.
      return tf.mul(chosen, support);
    }),
  quality: ({ support, norms }: Exemplars): tf.Tensor2D => tf.mul(support, norms),
  recognizability: ({ support, recognizability }: Exemplars): tf.Tensor2D =>
    tf.tidy(() => tf.mul(support, tf.maximum(recognizability, LEAST_WEIGHT))),
  recognizable: ({ support, recognizability, minRecognizability }: Exemplars): tf.Tensor2D =>
    tf.tidy(() => {
      // Which exemplars they are has no gradient.
      const good = tf.cast(tf.greaterEqual(stopGradient(recognizability), minRecognizability), 'float32');
      const kept: tf.Tensor2D = tf.mul(support, good);
      return tf.where(tf.greater(tf.sum(kept, 1, true), 0), kept, support);
    }),
} as const;

/** Of an image in `recognizability`. */
const LEAST_WEIGHT = 1e-3;

/** Share of a batch's images, the shortest embeddings, that stand for unrecognizable ones. */
const SHORTEST = 1 / 16;
/** What the unrecognizable identity keeps of itself in a step. */
const KEPT = 0.95;

/** Whether a generation looks at how recognizable images are. */
export const looksAtRecognizability = (generation: string | Generation): boolean =>
  !['mean', 'medoid', 'quality'].includes(generation as string);

/**
 * The unrecognizable identity after a batch, `[D]`: `0.95 u + 0.05 m`, m being the mean of the sixteenth of the batch (at least
 * one image) whose embeddings are shortest, at unit length. Only its direction counts, so that it may begin at zero. A softmax
 * on cosines leaves lengths free, and embeddings of images that show little come out short: they need no labels, and no images
 * made worse on purpose.
 */
export function unrecognizableOf(before: tf.Tensor1D, { unit, norms }: Pick<Exemplars, 'unit' | 'norms'>): tf.Tensor1D {
  return tf.tidy(() => {
    const count = Math.max(1, Math.round(SHORTEST * norms.size));
    const { indices } = tf.topk(tf.neg(norms), count);
    const mean = tf.mean<tf.Tensor1D>(tf.gather(unit, indices), 0);
    return tf.add(tf.mul(before, KEPT), tf.mul(mean, 1 - KEPT));
  });
}

/**
 * Whether an image helps to make the prototype that it is classified against (choice C2): whether image j of an identity
 * supports the target of image i of the same identity. Places count the images of one identity in the batch: 0, 1, ...
 *
 * - `all`: yes; the target is the prototype as stored.
 * - `leave-one-out`: no; the target of each image is made without it.
 * - `split`: no; the identity's images are dealt alternately into two halves, and the target of an image is made from
 *   the half that it is not in.
 */
export const targetPrototypes = {
  all: () => true,
  'leave-one-out': (i: number, j: number) => i !== j,
  split: (i: number, j: number) => i % 2 !== j % 2,
} as const satisfies Record<string, (i: number, j: number) => boolean>;

/** For each image (row), 1 where another (column) helps to make its target prototype; `[B, B]`, row-major. */
export function targetSupport(target: keyof typeof targetPrototypes, { groupOf, placeOf }: Groups): Float32Array {
  const images = groupOf.length;
  const support = new Float32Array(images * images);
  const supports: (i: number, j: number) => boolean = targetPrototypes[target];
  for (let i = 0; i < images; i++) {
    for (let j = 0; j < images; j++) {
      if (groupOf[i] === groupOf[j] && supports(placeOf[i]!, placeOf[j]!)) support[i * images + j] = 1;
    }
  }
  return support;
}

/** What is known of a prototype that is about to be refreshed. */
export interface Refreshed {
  readonly id: number;
  /** Steps since the prototype was last written, >= 1. */
  readonly age: number;
  /** Exemplars that it was made from so far. */
  readonly seen: number;
  /** Exemplars in the present batch. */
  readonly exemplars: number;
  /** The option `refreshRatio`. */
  readonly ratio: number;
}

/**
 * A way to refresh a class that is in memory (choice C4): the share r in [0, 1] that the batch's new prototype gets in
 * `normalize((1 - r) * old + r * new)`.
 */
export type Refresh = (refreshed: Refreshed) => number;

/**
 * - `blend`: `r = ratio`.
 * - `replace`: `r = 1`.
 * - `running-mean`: `r = exemplars / (seen + exemplars)`, so that every exemplar since entry counts alike.
 * - `age-aware`: `r = 1 - (1 - ratio)^age`: the old prototype fades by `1 - ratio` in each step of its age.
 * - `by-similarity`: `r = 1 - max(0, s)` with `s = c / (1 + |c|)`, c being the cosine of the stored prototype to the new one:
 *   what is stored keeps less, the less it looks like what the class has become, and never more than half. As the refresh of
 *   Chen et al., "EPL: Empirical Prototype Learning for Deep Face Recognition" (arXiv:2405.12447). Computed with the batch, and
 *   so no function.
 */
export const refreshes = {
  blend: ({ ratio }: Refreshed) => ratio,
  replace: () => 1,
  'running-mean': ({ seen, exemplars }: Refreshed) => exemplars / (seen + exemplars),
  'age-aware': ({ age, ratio }: Refreshed) => 1 - (1 - ratio) ** age,
  'by-similarity': 'by-similarity',
} as const;

/** What is known of a class in memory, on the step of its visit. */
export interface Visited {
  readonly id: number;
  /** Step in which the class entered the memory. */
  readonly enteredAt: number;
  /** Step from which its age counts: that of its last refresh, or of its entry without `renewAge`. */
  readonly agedFrom: number;
  /** Exemplars that the prototype was made from so far. */
  readonly seen: number;
  /** Mean cosine of the exemplars of its last visit to the prototype as it was then stored. */
  readonly confidence: number;
}

/**
 * An order of eviction (choice C6): called at each visit of a class, and the class with the lowest number goes first;
 * among equals, the one in the lowest slot.
 */
export type Eviction = (visited: Visited) => number;

/**
 * - `oldest`: the class whose last refresh is longest ago (without `renewAge`, whose entry is).
 * - `fifo`: the class that entered first, however often it was refreshed.
 * - `random`: any class, uniformly. It is no order, and so no function.
 * - `least-confident`: the class whose last exemplars were least like the prototype stored for them, to five digits; among
 *   equals, such as classes of one exemplar, the oldest.
 */
export const evictions = {
  oldest: ({ agedFrom }: Visited) => agedFrom,
  fifo: ({ enteredAt }: Visited) => enteredAt,
  random: 'random',
  'least-confident': ({ confidence, agedFrom }: Visited) => Math.round(1e5 * confidence) * 2 ** 32 + agedFrom,
} as const;
