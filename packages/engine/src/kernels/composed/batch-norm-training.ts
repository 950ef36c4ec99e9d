import * as tf from '@tensorflow/tfjs';
import { type TrainingKernels, trainingKernel } from '../training-kernels.ts';

export const batchNormTraining: TrainingKernels['batchNormTraining'] = ({ x, scale, offset }, { epsilon }) =>
  tf.tidy(() => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]) as { mean: tf.Tensor1D; variance: tf.Tensor1D };
    return [tf.batchNorm4d(x, mean, variance, offset, scale, epsilon), mean, variance];
  });

/**
 * With the centred input `c = x - mean`, `r = 1 / sqrt(variance + epsilon)` and means over the batch:
 * `dx = scale * r * (dy - mean(dy) - c * r^2 * mean(dy * c))`.
 */
export const batchNormTrainingGrad: TrainingKernels['batchNormTrainingGrad'] = (inputs, { epsilon }) =>
  tf.tidy(() => {
    const { dy, x, scale, mean, variance } = inputs;
    const count = x.size / scale.size;
    const r = tf.rsqrt(tf.add(variance, epsilon));
    const centred = tf.sub(x, mean);
    const dOffset = tf.sum<tf.Tensor1D>(dy, [0, 1, 2]);
    const dScale = tf.mul<tf.Tensor1D>(tf.sum(tf.mul(dy, centred), [0, 1, 2]), r);
    const alongX = tf.mul(centred, tf.div(tf.mul(dScale, r), count));
    const dx = tf.mul<tf.Tensor4D>(tf.sub(tf.sub(dy, tf.div(dOffset, count)), alongX), tf.mul(scale, r));
    return [dx, dScale, dOffset];
  });

const normalize = trainingKernel('batchNormTraining');
const normalizeGrad = trainingKernel('batchNormTrainingGrad');
const activate = trainingKernel('prelu');
const activateGrad = trainingKernel('preluGrad');

/** Both kernels of the backend, one after the other. */
export const batchNormPreluTraining: TrainingKernels['batchNormPreluTraining'] = (inputs, attrs) => {
  const { x, scale, offset, alpha } = inputs;
  const [y, ...rest] = normalize({ x, scale, offset }, attrs);
  const activated = activate({ x: y, alpha }, {}) as tf.Tensor4D;
  y.dispose();
  return [activated, ...rest];
};

/** The normalized values are computed again from x. */
export const batchNormPreluTrainingGrad: TrainingKernels['batchNormPreluTrainingGrad'] = (inputs, attrs) => {
  const { dy, offset, alpha, ...norm } = inputs;
  return tf.tidy(() => {
    const y = tf.batchNorm(norm.x, norm.mean, norm.variance, offset, norm.scale, attrs.epsilon);
    const [dNorm, dAlpha] = activateGrad({ dy, x: y, alpha }, {});
    y.dispose();
    return [...normalizeGrad({ ...norm, dy: dNorm as tf.Tensor4D }, attrs), dAlpha];
  });
};
