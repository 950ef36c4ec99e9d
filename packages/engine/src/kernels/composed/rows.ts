import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../training-kernels.ts';

/** Below this length a row has no direction: it is divided by this instead, so that values and gradients stay finite. */
const SHORTEST = 1e-6;

/** `|x|²` and `1 / max(|x|, SHORTEST)`, `[B, 1]` each. */
function lengths(x: tf.Tensor2D): [squares: tf.Tensor2D, inverse: tf.Tensor2D] {
  const squares = tf.sum<tf.Tensor2D>(tf.square(x), 1, true);
  return [squares, tf.rsqrt(tf.maximum(squares, SHORTEST ** 2))];
}

export const splitRows: TrainingKernels['splitRows'] = ({ x }) =>
  tf.tidy(() => {
    const [squares, inverse] = lengths(x);
    return [tf.mul<tf.Tensor2D>(x, inverse), tf.squeeze<tf.Tensor1D>(tf.mul(squares, inverse), [1])];
  });

/** With `u = x / |x|`: `dx = (dUnit - u (u . dUnit)) / |x| + u dNorm`; where a row is short, of quotients by a constant. */
export const splitRowsGrad: TrainingKernels['splitRowsGrad'] = ({ dUnit, dNorms, x }) =>
  tf.tidy(() => {
    const [squares, inverse] = lengths(x);
    const dNorm = tf.expandDims(dNorms, 1);
    const along = tf.mul(tf.sum(tf.mul(x, dUnit), 1, true), tf.square(inverse));
    const slope = tf.where(tf.greater(squares, SHORTEST ** 2), tf.sub(dNorm, along), tf.mul(2, dNorm));
    return tf.mul(tf.add(dUnit, tf.mul(x, slope)), inverse);
  });

export const rowDots: TrainingKernels['rowDots'] = ({ a, b }) => tf.tidy(() => tf.sum<tf.Tensor1D>(tf.mul(a, b), 1));

export const groupSums: TrainingKernels['groupSums'] = ({ x, groupOf }, { groups }) =>
  tf.tidy(() => tf.unsortedSegmentSum(x, groupOf, groups) as tf.Tensor2D);

export const refreshRows: TrainingKernels['refreshRows'] = ({ made, stored, shares }) =>
  tf.tidy(() => {
    const unit = (x: tf.Tensor2D): tf.Tensor2D => tf.mul(x, lengths(x)[1]);
    const generated = unit(made);
    const cosines = tf.sum<tf.Tensor1D>(tf.mul(stored, generated), 1);
    const kept = tf.where(
      tf.less(shares, 0),
      tf.relu(tf.div(cosines, tf.add(1, tf.abs(cosines)))),
      tf.sub<tf.Tensor1D>(1, shares),
    );
    const [ofStored, ofGenerated] = [kept, tf.sub(1, kept)].map((share) => tf.expandDims(share, 1)) as [
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const blended = tf.add<tf.Tensor2D>(tf.mul(ofStored, stored), tf.mul(ofGenerated, generated));
    return [generated, unit(blended), cosines];
  });
