import * as tf from '@tensorflow/tfjs';
import { listsOf } from '../listed.ts';
import type { TrainingKernels } from '../training-kernels.ts';

export const globalNorm: TrainingKernels['globalNorm'] = (tensors) =>
  tf.tidy(() => tf.sqrt(tf.addN(Object.values(tensors).map((tensor) => tf.sum(tf.square(tensor)))))) as tf.Scalar;

export const sgdUpdate: TrainingKernels['sgdUpdate'] = (inputs, { momentum, nesterov }) => {
  const { rate, decays } = inputs;
  const { weights, velocities, gradients } = listsOf(inputs, ['weights', 'velocities', 'gradients']);
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
};

export const movingAverages: TrainingKernels['movingAverages'] = (inputs, { kept, factors }) => {
  const { averages, values } = listsOf(inputs, ['averages', 'values']);
  return averages.map((average, i) => tf.tidy(() => tf.add(tf.mul(average, kept), tf.mul(values[i]!, factors[i]!))));
};
