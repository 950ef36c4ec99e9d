import * as tf from '@tensorflow/tfjs';
import type { Inputs } from '../kernel.ts';
import { batchNormTrainingName, preluName } from '../names.ts';

/** Both kernels of the backend, one after the other. Outputs: those of batchNormTraining, the first through prelu. */
export function batchNormPreluTraining({ x, scale, offset, alpha }: Inputs, attrs: tf.NamedAttrMap): tf.Tensor[] {
  const inputs = { x: x!, scale: scale!, offset: offset! };
  const [y, ...rest] = tf.engine().runKernel(batchNormTrainingName, inputs, attrs) as tf.Tensor[];
  const activated = tf.engine().runKernel(preluName, { x: y!, alpha: alpha! }) as tf.Tensor;
  y!.dispose();
  return [activated, ...rest];
}
