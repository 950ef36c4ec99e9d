import * as tf from '@tensorflow/tfjs';
import { paddedConv2d } from '../../ops/padded-conv2d.ts';
import type { TrainingKernels } from '../training-kernels.ts';
import { shiftPrelu } from './prelu.ts';

export const convolutionPrelu: TrainingKernels['convolutionPrelu'] = ({ x, filter, shift, alpha }, sliding) =>
  tf.tidy(() => shiftPrelu(paddedConv2d(x, filter, sliding), shift, alpha));
