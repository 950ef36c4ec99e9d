import * as tf from '@tensorflow/tfjs';
import { detachedGradients } from '../ops/detached-gradients.ts';
import { convolutionPrelu } from './composed/convolution-prelu.ts';
import { depthwisePrelu } from './composed/depthwise.ts';
import { refreshRows } from './composed/rows.ts';
import {
  type Kernel,
  type KernelKey,
  kernelName,
  type Sliding,
  type TrainingKernels,
  trainingKernel,
} from './training-kernels.ts';

const batchNormTrainingGrad = trainingKernel('batchNormTrainingGrad');
const batchNormPreluTrainingGrad = trainingKernel('batchNormPreluTrainingGrad');
const preluGrad = trainingKernel('preluGrad');
const depthwiseGrad = trainingKernel('depthwiseGrad');
const layerNormGrad = trainingKernel('layerNormGrad');
const splitRowsGrad = trainingKernel('splitRowsGrad');
const attentionGrad = trainingKernel('attentionGrad');

type Rows = tf.Tensor4D;
type Channels = tf.Tensor1D;

type Gradient = Omit<tf.GradConfig, 'kernelName'>;

/** y is not needed; moments and whatever the backend reserved for its own gradient kernel are. */
const allButFirst = [false, true, true, true, true, true];

/** Gradients of our kernels: the same on every backend, because they call kernels again. tfjs does not know their types. */
const gradients: Readonly<Partial<Record<KernelKey, Gradient>>> = {
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
  depthwisePrelu: ofComposition(depthwisePrelu, ['x', 'filter', 'shift', 'alpha']),
  convolutionPrelu: ofComposition(convolutionPrelu, ['x', 'filter', 'shift', 'alpha']),
  layerNorm: {
    inputsToSave: ['x', 'scale'],
    outputsToSave: [false, true, true],
    gradFunc: (dys, saved) => {
      const [x, scale, mean, factor] = saved as [tf.Tensor, Channels, Channels, Channels];
      const [dx, dScale, dOffset] = layerNormGrad({ dy: (dys as tf.Tensor[])[0]!, x, scale, mean, factor }, {});
      return { x: () => dx, scale: () => dScale, offset: () => dOffset };
    },
  },
  splitRows: {
    inputsToSave: ['x'],
    gradFunc: (dys, [x]) => {
      const [dUnit, dNorms] = dys as unknown as [tf.Tensor2D, Channels];
      return { x: () => splitRowsGrad({ dUnit, dNorms, x: x as tf.Tensor2D }, {}) };
    },
  },
  rowDots: {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => {
      const each = tf.expandDims(dy as Channels, 1);
      return { a: () => tf.mul(each, b!), b: () => tf.mul(each, a!) };
    },
  },
  groupSums: {
    inputsToSave: ['groupOf'],
    gradFunc: (dy, [groupOf]) => ({ x: () => tf.gather(dy as tf.Tensor2D, groupOf as Channels) }),
  },
  refreshRows: ofComposition(refreshRows, ['made', 'stored'], ['shares']),
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

/** Of a kernel with these inputs, the last ones without a gradient: composed, and so computed again. */
function ofComposition<K extends KernelKey>(
  composed: TrainingKernels[K],
  varied: readonly string[],
  constant: readonly string[] = [],
): Gradient {
  const inputs = [...varied, ...constant];
  const run = composed as unknown as Kernel<tf.NamedTensorMap, tf.Tensor | tf.Tensor[]>;
  const named = <T>(values: readonly T[]) => Object.fromEntries(values.map((value, i) => [inputs[i]!, value]));
  return {
    inputsToSave: inputs,
    gradFunc: (dy, saved, attrs) => {
      const dys = [dy].flat();
      const weighted = (xs: readonly tf.Tensor[]): tf.Tensor => {
        const outputs = [run(named([...xs, ...saved.slice(xs.length)]), attrs, tf.backend())].flat();
        return tf.addN(outputs.map((output, i) => tf.sum(tf.mul(output, dys[i]!))));
      };
      const { value, gradients } = detachedGradients(weighted, saved.slice(0, varied.length));
      value.dispose();
      return named(gradients.map((gradient) => () => gradient));
    },
  };
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
