import * as tf from '@tensorflow/tfjs';
import { paddedConv2d } from '../../ops/padded-conv2d.ts';
import { type TrainingKernels, trainingKernel } from '../training-kernels.ts';

const activate = trainingKernel('scaleShiftPrelu');

export const convolutionPrelu: TrainingKernels['convolutionPrelu'] = ({ x, filter, shift, alpha }, sliding) =>
  tf.tidy(() =>
    activate({ x: paddedConv2d(x, filter, sliding), factor: tf.onesLike(shift), shift, alpha }, {}),
  ) as tf.Tensor4D;
