import * as tf from '@tensorflow/tfjs';
import { call, type Inputs } from '../kernel.ts';
import { preluName } from '../names.ts';

export function prelu({ x, alpha }: Inputs): tf.Tensor {
  return call('Prelu', { x: x!, alpha: alpha! });
}

/** Outputs: gradients for x and alpha. */
export function preluGrad({ dy, x, alpha }: Inputs): tf.Tensor[] {
  return tf.tidy(() => {
    const positive = tf.mul(dy!, tf.step(x!));
    const negative = tf.sub(dy!, positive);
    const dx = tf.add(positive, tf.mul(negative, alpha!));
    const dAlpha = tf.sum(tf.mul(negative, x!), [...x!.shape.keys()].slice(0, -1));
    return [dx, dAlpha];
  });
}

/** As a batch norm of mean 0 and variance 1, which every backend does in one pass. */
export function scaleShift({ x, factor, shift }: Inputs): tf.Tensor {
  return tf.tidy(() => {
    const channels = factor!.size;
    const image = tf.reshape(x!, [-1, 1, 1, channels]) as tf.Tensor4D;
    const [mean, variance] = [tf.zeros<tf.Rank.R1>([channels]), tf.ones<tf.Rank.R1>([channels])];
    const z = tf.batchNorm(image, mean, variance, shift as tf.Tensor1D, factor as tf.Tensor1D, 0);
    return tf.reshape(z, x!.shape);
  });
}

export function scaleShiftPrelu({ alpha, ...inputs }: Inputs): tf.Tensor {
  return tf.tidy(() => call(preluName, { x: scaleShift(inputs), alpha: alpha! }));
}
