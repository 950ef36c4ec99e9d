import type * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { readSgdInputs } from '../sgd-inputs.ts';
import * as composed from '../stock/global-norm.ts';
import * as composedStep from '../stock/sgd-update.ts';
import { executeUntyped } from './execute.ts';
import { hasTrainingOps } from './training-ops.ts';

export function globalNorm(inputs: Inputs, _: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor {
  if (!hasTrainingOps(backend)) return composed.globalNorm(inputs);
  const all = Object.values(inputs);
  return executeUntyped(backend, 'ProtomemGlobalNorm', all, { N: ['INT', all.length] }, 1)[0]!;
}

/** Outputs: all weights, then all velocities. */
export function sgdUpdate(inputs: Inputs, attrs: tf.NamedAttrMap, backend: tf.KernelBackend): tf.Tensor[] {
  if (!hasTrainingOps(backend)) return composedStep.sgdUpdate(inputs, attrs);
  const { rate, decays, weights, velocities, gradients } = readSgdInputs(inputs);
  const [N, M] = [weights.length, velocities.length];
  const { momentum, nesterov } = attrs;
  return executeUntyped(
    backend,
    'ProtomemSgd',
    [rate, decays, ...weights, ...velocities, ...gradients],
    { N: ['INT', N], M: ['INT', M], momentum: ['FLOAT', momentum], nesterov: ['BOOL', nesterov] },
    N + M,
  );
}
