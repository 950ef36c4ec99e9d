import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { readSgdInputs, type SgdAttributes } from '../sgd-inputs.ts';

/** Outputs: all weights, then all velocities. */
export function sgdUpdate(inputs: Inputs, attrs: tf.NamedAttrMap): tf.Tensor[] {
  const { momentum, nesterov } = attrs as unknown as SgdAttributes;
  const { rate, decays, weights, velocities, gradients } = readSgdInputs(inputs);
  const next = weights.map((weight, i) =>
    // A tidy a parameter: the temporaries of one are free before the next needs its own.
    tf.tidy(() => {
      const descent = tf.add(gradients[i]!, tf.mul(weight, tf.slice(decays, i, 1)));
      const last = velocities[i];
      if (!last) return [tf.sub(weight, tf.mul(descent, rate))];
      const velocity = tf.add(tf.mul(last, momentum), descent);
      const direction = nesterov ? tf.add(descent, tf.mul(velocity, momentum)) : velocity;
      return [tf.sub(weight, tf.mul(direction, rate)), velocity];
    }),
  );
  return [...next.map(([weight]) => weight!), ...next.flatMap(([, velocity]) => velocity ?? [])];
}
