import * as tf from '@tensorflow/tfjs';
import { listsOf } from '../../kernels/listed.ts';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { loopsOf, READ, shares } from './loops.ts';

/** Sums of squares in float64. */
export const globalNorm: TrainingKernels['globalNorm'] = (tensors, _, backend) => {
  const loops = loopsOf(backend);
  return tf.tidy(() => {
    const jobs = Object.values(tensors).flatMap((tensor) =>
      shares(loops, tensor.size, { cost: READ }).map((range) => ({ at: loops.at(tensor), range })),
    );
    const sums = loops.uninitialized([jobs.length, 2]);
    loops.run(
      'sumOfSquares',
      jobs.map(({ at, range }, i) => [at, loops.at(sums) + 8 * i, ...range]),
    );
    const all = new Float64Array(sums.dataSync<'float32'>().slice().buffer);
    return tf.scalar(Math.sqrt(all.reduce((sum, part) => sum + part, 0)));
  });
};

/** One pass over each parameter. */
export const sgdUpdate: TrainingKernels['sgdUpdate'] = (inputs, { momentum, nesterov }, backend) => {
  const loops = loopsOf(backend);
  const { weights, velocities, gradients } = listsOf(inputs, ['weights', 'velocities', 'gradients']);
  return tf.tidy(() => {
    const [nextWeights, nextVelocities] = [weights, velocities].map((list) =>
      list.map(({ shape }) => loops.uninitialized(shape)),
    ) as [tf.Tensor[], tf.Tensor[]];
    const [decays, rate, kept] = [inputs.decays, inputs.rate, tf.scalar(momentum)].map(loops.at) as [
      number,
      number,
      number,
    ];
    const calls = weights.flatMap((weight, i) => {
      const [velocity, nextVelocity] = [velocities[i], nextVelocities[i]].map((one) => (one ? loops.at(one) : 0));
      return shares(loops, weight.size, { multiple: 4, cost: READ }).map((range) => [
        ...[loops.at(weight), loops.at(gradients[i]!), velocity!, loops.at(nextWeights[i]!), nextVelocity!],
        ...[decays + 4 * i, rate, kept, Number(nesterov), ...range],
      ]);
    });
    loops.run('sgd', calls);
    return [...nextWeights, ...nextVelocities];
  });
};
