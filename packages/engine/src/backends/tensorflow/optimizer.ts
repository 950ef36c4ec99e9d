import type * as tf from '@tensorflow/tfjs';
import { readSgdLists } from '../../kernels/sgd-lists.ts';
import { executeUntyped } from './execute.ts';
import { ownOp } from './own-op.ts';

export const globalNorm = ownOp('globalNorm', (inputs, _, backend) => {
  const all = Object.values(inputs);
  return executeUntyped<[tf.Scalar]>(backend, 'ProtomemGlobalNorm', all, { N: ['INT', all.length] }, 1)[0];
});

export const sgdUpdate = ownOp('sgdUpdate', (inputs, attrs, backend) => {
  const { weights, velocities, gradients } = readSgdLists(inputs);
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
