import * as tf from '@tensorflow/tfjs';
import { type TrainingKernels, trainingKernel } from '../training-kernels.ts';

const activate = trainingKernel('prelu');
const affinePrelu = trainingKernel('scaleShiftPrelu');

export const prelu: TrainingKernels['prelu'] = (inputs) => tf.engine().runKernel('Prelu', inputs);

export const preluGrad: TrainingKernels['preluGrad'] = ({ dy, x, alpha }) =>
  tf.tidy(() => {
    const positive = tf.mul(dy, tf.step(x));
    const negative = tf.sub(dy, positive);
    const dx = tf.add(positive, tf.mul(negative, alpha));
    return [dx, tf.sum<tf.Tensor1D>(tf.mul(negative, x), [...x.shape.keys()].slice(0, -1))];
  });

export const relu6Grad: TrainingKernels['relu6Grad'] = ({ dy, y }) =>
  tf.tidy(() => tf.mul(dy, tf.cast(tf.logicalAnd(tf.greater(y, 0), tf.less(y, 6)), 'float32')));

/** As a batch norm of mean 0 and variance 1, which every backend does in one pass. */
export const scaleShift: TrainingKernels['scaleShift'] = ({ x, factor, shift }) =>
  tf.tidy(() => {
    const channels = factor.size;
    const image = tf.reshape(x, [-1, 1, 1, channels]) as tf.Tensor4D;
    const [mean, variance] = [tf.zeros<tf.Rank.R1>([channels]), tf.ones<tf.Rank.R1>([channels])];
    return tf.reshape(tf.batchNorm(image, mean, variance, shift, factor, 0), x.shape);
  });

/** `prelu(maps + shift, alpha)`, by the backend's kernel. */
export const shiftPrelu = (maps: tf.Tensor4D, shift: tf.Tensor1D, alpha: tf.Tensor1D): tf.Tensor4D =>
  affinePrelu({ x: maps, factor: tf.onesLike(shift), shift, alpha }, {}) as tf.Tensor4D;

export const scaleShiftPrelu: TrainingKernels['scaleShiftPrelu'] = ({ alpha, ...affine }, attrs, backend) =>
  tf.tidy(() => activate({ x: scaleShift(affine, attrs, backend), alpha }, {}));
