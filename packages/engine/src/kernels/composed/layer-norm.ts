import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../training-kernels.ts';

export const layerNorm: TrainingKernels['layerNorm'] = ({ x, scale, offset }, { epsilon }) =>
  tf.tidy(() => {
    const { mean, variance } = tf.moments(x, -1, true);
    const factor = tf.rsqrt(tf.add(variance, epsilon));
    const y = tf.add(tf.mul(tf.mul(tf.sub(x, mean), factor), scale), offset);
    return [y, tf.reshape(mean, [-1]), tf.reshape(factor, [-1])];
  });

export const layerNormGrad: TrainingKernels['layerNormGrad'] = ({ dy, x, scale, mean, factor }) =>
  tf.tidy(() => {
    const places = [...x.shape.slice(0, -1), 1];
    const slope = tf.reshape(factor, places);
    const unit = tf.mul(tf.sub(x, tf.reshape(mean, places)), slope);
    const rows = [...x.shape.keys()].slice(0, -1);
    const along = tf.mul(dy, unit);
    const dUnit = tf.mul(dy, scale);
    // What a change of all of a place's numbers together, or in proportion, would do: nothing.
    const flat = tf.sub(dUnit, tf.mean(dUnit, -1, true));
    const dx = tf.mul(tf.sub(flat, tf.mul(unit, tf.mean(tf.mul(along, scale), -1, true))), slope);
    return [dx, tf.sum<tf.Tensor1D>(along, rows), tf.sum<tf.Tensor1D>(dy, rows)];
  });
