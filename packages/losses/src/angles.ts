import { stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** Below this sin², the gradient of sin ends: about the rounding of a float32 cosine near 1. */
const LEAST_SQUARED_SINE = 1e-7;

function squaredSineOf<T extends tf.Tensor>(cosines: T): T {
  // (1 - c)(1 + c) keeps the digits that 1 - c² loses near 1.
  return tf.mul(tf.sub(1, cosines), tf.add(1, cosines)) as T;
}

function heldSine<T extends tf.Tensor>(squared: T): T {
  return tf.sqrt(tf.maximum(squared, LEAST_SQUARED_SINE)) as T;
}

/** `sin` of the angles that cosines belong to. Below 0.0003 it has no gradient. */
function sineOf<T extends tf.Tensor>(cosines: T): T {
  const squared = squaredSineOf(cosines);
  const constant = stopGradient(squared);
  const isHeld = tf.less(constant, LEAST_SQUARED_SINE);
  return tf.where(isHeld, tf.sqrt(tf.relu(constant)), heldSine(squared)) as T;
}

/**
 * The angles that cosines belong to, in [0, pi]. The derivative, `-1 / sin(t)`, has no bound at 0 and pi: the sine counts
 * as 0.0003 where it is less.
 */
export function angleOf<T extends tf.Tensor>(cosines: T): T {
  const op = tf.customGrad((c, save) => {
    (save as tf.GradSaveFunc)([c as tf.Tensor]);
    return {
      value: tf.acos(tf.clipByValue(c as tf.Tensor, -1, 1)),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.neg(tf.div(dy, heldSine(squaredSineOf(saved!)))),
    };
  });
  return op(cosines) as T;
}

/** `cos(t + m)` of the angles t that cosines belong to, as `cos(t) cos(m) - sin(t) sin(m)`. */
export function shiftedCosine(cosines: tf.Tensor1D, margin: number | tf.Tensor): tf.Tensor1D {
  const [cosine, sine] =
    typeof margin === 'number' ? [Math.cos(margin), Math.sin(margin)] : [tf.cos(margin), tf.sin(margin)];
  return tf.sub(tf.mul(cosines, cosine), tf.mul(sineOf(cosines), sine));
}

/**
 * ArcFace's target: `cos(t + m)`, and beyond `t = pi - m`, where that would rise again, `cos(t) - m sin(pi - m)`.
 *
 * @param margins m, a number or one for each cosine
 */
export function arcMargin(cosines: tf.Tensor1D, margins: number | tf.Tensor1D): tf.Tensor1D {
  const m = typeof margins === 'number' ? tf.scalar(margins) : margins;
  const within = shiftedCosine(cosines, m);
  const beyond = tf.sub(cosines, tf.mul(m, tf.sin(m)));
  // tfjs would look for a gradient of the comparison too. cos(pi - m) is -cos(m).
  const isWithin = tf.greater(stopGradient(cosines), tf.neg(tf.cos(stopGradient(m))));
  return tf.where(isWithin, within, beyond) as tf.Tensor1D;
}

/** `(-1)^k cos(phi) - 2k` with `k = floor(phi / pi)`: `cos(phi)`, made to go on falling beyond pi. */
export function fallingCosine(phi: tf.Tensor1D): tf.Tensor1D {
  const k = stopGradient(tf.floor(tf.div(phi, Math.PI)));
  const sign = tf.sub(1, tf.mul(2, tf.mod(k, 2)));
  return tf.sub(tf.mul(sign, tf.cos(phi)), tf.mul(2, k)) as tf.Tensor1D;
}

/** `[B]` as a column `[B, 1]`, to be combined with `[B, M]`. */
export function column(values: tf.Tensor): tf.Tensor2D {
  return tf.expandDims(values, 1);
}

/** 1 where `a > b`, else 0; constant. */
export function above(a: tf.Tensor, b: tf.Tensor | number): tf.Tensor {
  const other = typeof b === 'number' ? b : stopGradient(b);
  return stopGradient(tf.cast(tf.greater(stopGradient(a), other), 'float32'));
}
