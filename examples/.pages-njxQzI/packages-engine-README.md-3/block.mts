import { batchNormPreluTraining, variableGradients } from '@protomem/engine/kernels';
import * as tf from '@tensorflow/tfjs';

const x = tf.randomNormal<tf.Rank.R4>([8, 16, 16, 4]);
const [scale, offset, slopes] = [tf.ones([4]), tf.zeros([4]), tf.fill([4], 0.25)].map((values) =>
  tf.variable(values),
) as [tf.Variable<tf.Rank.R1>, tf.Variable<tf.Rank.R1>, tf.Variable<tf.Rank.R1>];
const { value, grads } = variableGradients(
  () => tf.mean(tf.square(batchNormPreluTraining(x, scale, offset, slopes).y)),
  [scale, offset, slopes],
);
// About 0.5, and 3.
console.log(value.dataSync()[0], Object.keys(grads).length);

export {};
