import * as tf from '@tensorflow/tfjs';
import {
  batchNormPreluTrainingGradName,
  batchNormPreluTrainingName,
  batchNormTrainingGradName,
  batchNormTrainingName,
  preluGradName,
  preluName,
  scaleShiftName,
  scaleShiftPreluName,
  sparseSoftmaxCrossEntropyName,
} from './names.ts';

/** Gradients of our kernels: the same on every backend, because they call kernels again. */
export const gradients: readonly tf.GradConfig[] = [
  {
    kernelName: batchNormTrainingName,
    inputsToSave: ['x', 'scale'],
    // y is not needed; moments and whatever the backend reserved for its own gradient kernel are.
    outputsToSave: [false, true, true, true, true, true],
    gradFunc: (dy, [x, scale, mean, variance, ...reserve], attrs) => {
      const inputs: Record<string, tf.Tensor> = { dy: (dy as tf.Tensor[])[0]!, x: x!, scale: scale! };
      Object.assign(inputs, { mean, variance }, reserve);
      const [dx, dScale, dOffset] = runKernel(batchNormTrainingGradName, inputs, attrs);
      return { x: () => dx!, scale: () => dScale!, offset: () => dOffset! };
    },
  },
  {
    kernelName: batchNormPreluTrainingName,
    inputsToSave: ['x', 'scale', 'offset', 'alpha'],
    outputsToSave: [false, true, true, true, true, true],
    gradFunc: (dy, [x, scale, offset, alpha, mean, variance, ...reserve], attrs) => {
      const inputs: Record<string, tf.Tensor> = { dy: (dy as tf.Tensor[])[0]!, x: x!, scale: scale! };
      Object.assign(inputs, { offset, alpha, mean, variance }, reserve);
      const [dx, dScale, dOffset, dAlpha] = runKernel(batchNormPreluTrainingGradName, inputs, attrs);
      return { x: () => dx!, scale: () => dScale!, offset: () => dOffset!, alpha: () => dAlpha! };
    },
  },
  {
    kernelName: preluName,
    inputsToSave: ['x', 'alpha'],
    gradFunc: (dy, [x, alpha]) => {
      const [dx, dAlpha] = runKernel(preluGradName, { dy: dy as tf.Tensor, x: x!, alpha: alpha! });
      return { x: () => dx!, alpha: () => dAlpha! };
    },
  },
  {
    kernelName: scaleShiftName,
    inputsToSave: ['x', 'factor'],
    gradFunc: (dy, [x, factor]) => lineGradients(dy as tf.Tensor, x!, factor!),
  },
  {
    kernelName: scaleShiftPreluName,
    inputsToSave: ['x', 'factor', 'shift', 'alpha'],
    gradFunc: (dy, [x, factor, shift, alpha]) => {
      const [dz, dAlpha] = tf.tidy(() => {
        const z = tf.add(tf.mul(x!, factor!), shift!);
        return runKernel(preluGradName, { dy: dy as tf.Tensor, x: z, alpha: alpha! });
      });
      return { ...lineGradients(dz!, x!, factor!), alpha: () => dAlpha! };
    },
  },
  {
    kernelName: sparseSoftmaxCrossEntropyName,
    outputsToSave: [false, true],
    gradFunc: (dy, [dLogits]) => ({
      logits: () => tf.mul(dLogits!, tf.expandDims((dy as tf.Tensor[])[0]!, 1)),
    }),
  },
];

/** Of `x * factor + shift`, the two with a number for each channel. */
function lineGradients(dy: tf.Tensor, x: tf.Tensor, factor: tf.Tensor) {
  const rows = [...x.shape.keys()].slice(0, -1);
  return {
    x: () => tf.mul(dy, factor),
    factor: () => tf.sum(tf.mul(dy, x), rows),
    shift: () => tf.sum(dy, rows),
  };
}

function runKernel(name: string, inputs: Record<string, tf.Tensor>, attrs: tf.NamedAttrMap = {}): tf.Tensor[] {
  return tf.engine().runKernel(name, inputs, attrs) as tf.Tensor[];
}
