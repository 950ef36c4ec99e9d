import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { batchNormTrainingGradName, batchNormTrainingName, preluGradName, preluName } from '../names.ts';

/** Both kernels of the backend, one after the other. Outputs: those of batchNormTraining, the first through prelu. */
export function batchNormPreluTraining({ x, scale, offset, alpha }: Inputs, attrs: tf.NamedAttrMap): tf.Tensor[] {
  const inputs = { x: x!, scale: scale!, offset: offset! };
  const [y, ...rest] = tf.engine().runKernel(batchNormTrainingName, inputs, attrs) as tf.Tensor[];
  const activated = tf.engine().runKernel(preluName, { x: y!, alpha: alpha! }) as tf.Tensor;
  y!.dispose();
  return [activated, ...rest];
}

/** Outputs: gradients for x, scale, offset and alpha. The normalized values are computed again from x. */
export function batchNormPreluTrainingGrad(inputs: Inputs, attrs: tf.NamedAttrMap): tf.Tensor[] {
  const { dy, x, scale, offset, alpha, ...moments } = inputs;
  return tf.tidy(() => {
    const parts = [moments.mean, moments.variance, offset, scale] as tf.Tensor1D[];
    const y = tf.batchNorm(x as tf.Tensor4D, parts[0]!, parts[1]!, parts[2], parts[3], attrs.epsilon as number);
    const of = { dy: dy!, x: y, alpha: alpha! };
    const [dNorm, dAlpha] = tf.engine().runKernel(preluGradName, of) as tf.Tensor[];
    y.dispose();
    const norm = { ...moments, dy: dNorm!, x: x!, scale: scale! };
    return [...(tf.engine().runKernel(batchNormTrainingGradName, norm, attrs) as tf.Tensor[]), dAlpha!];
  });
}
