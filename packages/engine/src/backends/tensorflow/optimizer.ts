import * as tf from '@tensorflow/tfjs';
import { listsOf } from '../../kernels/listed.ts';
import { executeUntyped } from './execute.ts';
import { ownOp } from './own-op.ts';

export const globalNorm = ownOp('globalNorm', (inputs, _, backend) => {
  const all = Object.values(inputs);
  return executeUntyped<[tf.Scalar]>(backend, 'ProtomemGlobalNorm', all, { N: ['INT', all.length] }, 1)[0];
});

export const sgdUpdate = ownOp('sgdUpdate', (inputs, attrs, backend) => {
  const { weights, velocities, gradients } = listsOf(inputs, ['weights', 'velocities', 'gradients']);
  const [N, M] = [weights.length, velocities.length];
  const { momentum, nesterov } = attrs;
  return executeUntyped(
    backend,
    'ProtomemSgd',
    [inputs.rate, inputs.decays, ...weights, ...velocities, ...gradients],
    { N: ['INT', N], M: ['INT', M], momentum: ['FLOAT', momentum], nesterov: ['BOOL', nesterov] },
    N + M,
  );
});

export const movingAverages = ownOp('movingAverages', (inputs, { kept, factors }, backend) => {
  const { averages, values } = listsOf(inputs, ['averages', 'values']);
  const N = averages.length;
  const given = tf.tensor1d([...factors]);
  const all = [given, ...averages, ...values];
  const next = executeUntyped(backend, 'ProtomemMovingAverages', all, { N: ['INT', N], kept: ['FLOAT', kept] }, N);
  given.dispose();
  return next;
});
