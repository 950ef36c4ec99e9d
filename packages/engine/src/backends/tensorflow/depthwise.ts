import type * as tf from '@tensorflow/tfjs';
import type { OutputsOf, Sliding } from '../../kernels/training-kernels.ts';
import { type Attributes, execute } from './execute.ts';
import { ownOp } from './own-op.ts';

const attributes = ({ stride, padding }: Sliding): Attributes => ({
  stride: ['INT', stride],
  padding: ['INT', padding],
});

export const depthwise = ownOp(
  'depthwise',
  ({ x, filter }, sliding, backend) =>
    execute<[tf.Tensor4D]>(backend, 'ProtomemDepthwise', [x, filter], attributes(sliding))[0],
);

export const depthwisePrelu = ownOp(
  'depthwisePrelu',
  ({ x, filter, shift, alpha }, sliding, backend) =>
    execute<[tf.Tensor4D]>(backend, 'ProtomemDepthwisePrelu', [x, filter, shift, alpha], attributes(sliding))[0],
);

export const depthwiseGrad = ownOp('depthwiseGrad', ({ dy, x, filter }, sliding, backend) =>
  execute<OutputsOf<'depthwiseGrad'>>(backend, 'ProtomemDepthwiseGrad', [dy, x, filter], attributes(sliding), 2),
);
