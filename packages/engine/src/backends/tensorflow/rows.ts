import type * as tf from '@tensorflow/tfjs';
import type { OutputsOf } from '../../kernels/training-kernels.ts';
import { execute } from './execute.ts';
import { ownOp } from './own-op.ts';

export const splitRows = ownOp('splitRows', ({ x }, _, backend) =>
  execute<OutputsOf<'splitRows'>>(backend, 'ProtomemSplitRows', [x], {}, 2),
);

export const splitRowsGrad = ownOp(
  'splitRowsGrad',
  ({ dUnit, dNorms, x }, _, backend) => execute<[tf.Tensor2D]>(backend, 'ProtomemSplitRowsGrad', [dUnit, dNorms, x])[0],
);

export const rowDots = ownOp(
  'rowDots',
  ({ a, b }, _, backend) => execute<[tf.Tensor1D]>(backend, 'ProtomemRowDots', [a, b])[0],
);

export const groupSums = ownOp(
  'groupSums',
  ({ x, groupOf }, { groups }, backend) =>
    execute<[tf.Tensor2D]>(backend, 'ProtomemGroupSums', [x, groupOf], { groups: ['INT', groups] })[0],
);

export const refreshRows = ownOp('refreshRows', ({ made, stored, shares }, _, backend) =>
  execute<OutputsOf<'refreshRows'>>(backend, 'ProtomemRefreshRows', [made, stored, shares], {}, 3),
);
