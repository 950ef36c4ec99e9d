import * as tf from '@tensorflow/tfjs';
import { type KernelKey, kernelName, type Sliding, trainingKernel } from './training-kernels.ts';

const batchNormTrainingGrad = trainingKernel('batchNormTrainingGrad');
const batchNormPreluTrainingGrad = trainingKernel('batchNormPreluTrainingGrad');
const preluGrad = trainingKernel('preluGrad');
const scaleShift = trainingKernel('scaleShift');
const depthwise = trainingKernel('depthwise');
const depthwiseGrad = trainingKernel('depthwiseGrad');
const layerNormGrad = trainingKernel('layerNormGrad');
const attentionGrad = trainingKernel('attentionGrad');

type Rows = tf.Tensor4D;
type Channels = tf.Tensor1D;

/** y is not needed; moments and whatever the backend reserved for its own gradient kernel are. */
const allButFirst = [false, true, true, true, true, true];

/** Gradients of our kernels: the same on every backend, because they call kernels again. tfjs does not know their types. */
const gradients: Readonly<Partial<Record<KernelKey, Omit<tf.GradConfig, 'kernelName'>>>> = {
  batchNormTraining: {
    inputsToSave: ['x', 'scale'],
    outputsToSave: allButFirst,
    gradFunc: (dys, saved, { epsilon }) => {
      const [x, scale, mean, variance, ...reserve] = saved as [Rows, Channels, Channels, Channels, ...tf.Tensor[]];
      const inputs = { dy: (dys as Rows[])[0]!, x, scale, mean, variance, ...reserve };
      const [dx, dScale, dOffset] = batchNormTrainingGrad(inputs, { epsilon: epsilon as number });
      return { x: () => dx, scale: () => dScale, offset: () => dOffset };
    },
  },
  batchNormPreluTraining: {
    inputsToSave: ['x', 'scale', 'offset', 'alpha'],
    outputsToSave: allButFirst,
    gradFunc: (dys, saved, { epsilon }) => {
      const [x, ...rest] = saved as [Rows, Channels, Channels, Channels, Channels, Channels, ...tf.Tensor[]];
      const [scale, offset, alpha, mean, variance, ...reserve] = rest;
      const inputs = { dy: (dys as Rows[])[0]!, x, scale, offset, alpha, mean, variance, ...reserve };
      const [dx, dScale, dOffset, dAlpha] = batchNormPreluTrainingGrad(inputs, { epsilon: epsilon as number });
      return { x: () => dx, scale: () => dScale, offset: () => dOffset, alpha: () => dAlpha };
    },
  },
  prelu: {
    inputsToSave: ['x', 'alpha'],
    gradFunc: (dy, saved) => {
      const [x, alpha] = saved as [tf.Tensor, Channels];
      const [dx, dAlpha] = preluGrad({ dy: dy as tf.Tensor, x, alpha }, {});
      return { x: () => dx, alpha: () => dAlpha };
    },
  },
  scaleShift: {
    inputsToSave: ['x', 'factor'],
    gradFunc: (dy, [x, factor]) => affineGradients(dy as tf.Tensor, x!, factor!),
  },
  scaleShiftPrelu: {
    inputsToSave: ['x', 'factor', 'shift', 'alpha'],
    gradFunc: (dy, saved) => {
      const [x, factor, shift, alpha] = saved as [tf.Tensor, Channels, Channels, Channels];
      const [dz, dAlpha] = tf.tidy(() =>
        preluGrad({ dy: dy as tf.Tensor, x: tf.add(tf.mul(x, factor), shift), alpha }, {}),
      );
      return { ...affineGradients(dz, x, factor), alpha: () => dAlpha };
    },
  },
  depthwise: {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, saved, attrs) => {
      const [x, filter] = saved as [Rows, Rows];
      const [dx, dFilter] = depthwiseGrad({ dy: dy as Rows, x, filter }, attrs as unknown as Sliding);
      return { x: () => dx, filter: () => dFilter };
    },
  },
  depthwisePrelu: {
    inputsToSave: ['x', 'filter', 'shift', 'alpha'],
    gradFunc: (dy, saved, attrs) => {
      const [x, filter, ...rest] = saved as [Rows, Rows, Channels, Channels];
      const sliding = attrs as unknown as Sliding;
      const { dz, ...others } = shiftPreluGradients(dy as Rows, () => depthwise({ x, filter }, sliding), ...rest);
      const [dx, dFilter] = depthwiseGrad({ dy: dz, x, filter }, sliding);
      return { x: () => dx, filter: () => dFilter, ...others };
    },
  },
  pointwisePrelu: {
    inputsToSave: ['x', 'filter', 'shift', 'alpha'],
    gradFunc: (dy, saved) => {
      const [x, filter, ...rest] = saved as [Rows, Rows, Channels, Channels];
      const [pixels, weights] = [tf.reshape(x, [-1, x.shape[3]]), tf.reshape(filter, filter.shape.slice(2))];
      const maps = (): Rows => tf.reshape(tf.matMul(pixels, weights), (dy as Rows).shape);
      const { dz, ...others } = shiftPreluGradients(dy as Rows, maps, ...rest);
      const flat = tf.reshape(dz, [-1, filter.shape[3]]);
      return {
        x: () => tf.reshape(tf.matMul(flat, weights, false, true), x.shape),
        filter: () => tf.reshape(tf.matMul(pixels, flat, true), filter.shape),
        ...others,
      };
    },
  },
  layerNorm: {
    inputsToSave: ['x', 'scale'],
    outputsToSave: [false, true, true],
    gradFunc: (dys, saved) => {
      const [x, scale, mean, factor] = saved as [tf.Tensor, Channels, Channels, Channels];
      const [dx, dScale, dOffset] = layerNormGrad({ dy: (dys as tf.Tensor[])[0]!, x, scale, mean, factor }, {});
      return { x: () => dx, scale: () => dScale, offset: () => dOffset };
    },
  },
  attention: {
    inputsToSave: ['qkv'],
    gradFunc: (dy, [qkv], { heads }) => ({
      qkv: () => attentionGrad({ dy: dy as tf.Tensor3D, qkv: qkv as tf.Tensor3D }, { heads: heads as number }),
    }),
  },
  sparseSoftmaxCrossEntropy: {
    outputsToSave: [false, true],
    gradFunc: (dy, [dLogits]) => ({
      logits: () => tf.mul(dLogits!, tf.expandDims((dy as tf.Tensor[])[0]!, 1)),
    }),
  },
};

/** Of `prelu(maps + shift, alpha)`, the maps computed again. */
function shiftPreluGradients(dy: Rows, maps: () => Rows, shift: Channels, alpha: Channels) {
  const [dz, dAlpha] = tf.tidy(() => {
    const x = scaleShift({ x: maps(), factor: tf.onesLike(shift), shift }, {});
    return preluGrad({ dy, x, alpha }, {});
  });
  return { dz: dz as Rows, shift: () => tf.sum(dz, [0, 1, 2]), alpha: () => dAlpha };
}

/** Of `x * factor + shift`, the two with a number for each channel. */
function affineGradients(dy: tf.Tensor, x: tf.Tensor, factor: tf.Tensor) {
  const rows = [...x.shape.keys()].slice(0, -1);
  return {
    x: () => tf.mul(dy, factor),
    factor: () => tf.sum(tf.mul(dy, x), rows),
    shift: () => tf.sum(dy, rows),
  };
}

/** Tells tfjs the gradients, once. */
export function registerGradients(): void {
  for (const [key, gradient] of Object.entries(gradients)) {
    const name = kernelName(key as KernelKey);
    if (!tf.getGradient(name)) tf.registerGradient({ ...gradient, kernelName: name });
  }
}
