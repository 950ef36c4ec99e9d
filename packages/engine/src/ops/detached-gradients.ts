import * as tf from '@tensorflow/tfjs';
import { freeTapeEarly, tidyTape } from './variable-gradients.ts';

/**
 * Gradients computed on the spot, inside or outside of a gradient that is being recorded, of which they become no part:
 * for operations that make their own gradient from that of a function they are given.
 *
 * @param f called once with `xs`; its other inputs are constants
 * @param xs stay the caller's
 * @param dy weights of `f`'s elements in the sum that is differentiated; default ones
 * @returns the sum of `f`'s elements differentiated by each of `xs`, and what `f` returned; all the caller's
 */
export function detachedGradients(
  f: (xs: readonly tf.Tensor[]) => tf.Tensor,
  xs: readonly tf.Tensor[],
  dy?: tf.Tensor,
): { value: tf.Tensor; gradients: tf.Tensor[] } {
  // tfjs records one tape at a time, and not at all inside a custom gradient: this one gets a tape of its own.
  const { state } = tf.engine();
  const { activeTape, gradientDepth, kernelDepth } = state;
  Object.assign(state, { activeTape: undefined, gradientDepth: 0, kernelDepth: 0 });
  try {
    return tidyTape(() => {
      const recorded = (): tf.Tensor => {
        const y = f(xs);
        freeTapeEarly();
        return y;
      };
      // Freed with the rest: the caller keeps its own.
      const initial = dy && tf.clone(dy);
      const { value, grads } = tf.engine().gradients(recorded, xs as tf.Tensor[], initial, true);
      return { value, gradients: xs.map((x, i) => grads[i] ?? tf.zerosLike(x)) };
    });
  } finally {
    Object.assign(state, { activeTape, gradientDepth, kernelDepth });
  }
}

/** Whether operations are being recorded for a gradient, so that a custom one will be asked for. */
export function isRecording(): boolean {
  return tf.engine().state.gradientDepth > 0;
}
