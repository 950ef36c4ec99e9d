import type * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { Sliding, TrainingKernels } from '../../kernels/training-kernels.ts';
import { isPlain3x3 } from '../plain-3x3.ts';
import { computesInBfloat16 } from './bfloat16.ts';
import { execute } from './execute.ts';
import { hasTrainingOps, registerOf } from './has-training-ops.ts';

/** In bfloat16 the convolution is oneDNN's, which has instructions for it. */
export const convolutionPrelu: TrainingKernels['convolutionPrelu'] = (inputs, sliding, backend) => {
  const { x, filter, shift, alpha } = inputs;
  const op = opFor(x, filter.shape, sliding, registerOf(backend));
  if (!op || !hasTrainingOps(backend) || computesInBfloat16(backend))
    return composedKernels.convolutionPrelu(inputs, sliding, backend);
  return execute<[tf.Tensor4D]>(backend, op, [x, filter, shift, alpha])[0];
};

function opFor(x: tf.Tensor4D, filter: tf.Tensor4D['shape'], { stride, padding }: Sliding, register: number) {
  if (stride !== 1) return undefined;
  if (filter[0] === 1 && filter[1] === 1 && padding === 0) return 'ProtomemPointwisePrelu';
  const whole = filter.slice(2).every((channels) => channels % register === 0);
  return whole && padding === 1 && isPlain3x3(filter, x, { pad: 'same' }) ? 'ProtomemConv3x3Prelu' : undefined;
}
