import * as tf from '@tensorflow/tfjs';
import { type TrainingKernels, trainingKernel } from '../training-kernels.ts';

const activate = trainingKernel('scaleShiftPrelu');

export const pointwisePrelu: TrainingKernels['pointwisePrelu'] = ({ x, filter, shift, alpha }) =>
  tf.tidy(() =>
    activate({ x: tf.conv2d(x, filter, 1, 'valid'), factor: tf.onesLike(shift), shift, alpha }, {}),
  ) as tf.Tensor4D;
