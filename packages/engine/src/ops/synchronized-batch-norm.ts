import { check, number } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { Collective } from '../collective/collective.ts';
import { type BatchNormTrainingResult, batchNormTraining } from './batch-norm-training.ts';
import { checkChannels } from './check-channels.ts';
import { scaleShift } from './scale-shift-prelu.ts';

/**
 * {@link batchNormTraining} over the rows of all ranks: each gives its own and gets these back, normalized with the moments of
 * all. All ranks have to call it in the same order, and its gradient too. What a loss of all ranks together says of `x` comes
 * whole; of `scale` and `offset` each rank gets its own rows' part, to be summed over ranks as other gradients are.
 *
 * Two small sums over ranks for each call, one on the way back; the ranks wait for each other there.
 *
 * @param x `[b, C]` or `[b, H, W, C]`, float32; ranks may differ in b
 * @param ranks the processes; of one alone it is `batchNormTraining`
 * @throws ProtomemError as `batchNormTraining` does
 *
 * @example
 * ```ts
 * const { y } = synchronizedBatchNorm(x, tf.ones([64]), tf.zeros([64]), collective());
 * ```
 *
 * Source: what `torch.nn.SyncBatchNorm` does.
 */
export function synchronizedBatchNorm<T extends tf.Tensor2D | tf.Tensor4D>(
  x: T,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  ranks: Collective,
  epsilon = 1e-5,
): BatchNormTrainingResult<T> {
  if (ranks.size === 1) return batchNormTraining(x, scale, offset, epsilon);
  const where = 'synchronizedBatchNorm';
  checkChannels(where, x, { scale, offset });
  number(where, 'epsilon', epsilon, 0, 1);
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const { mean, variance, count } = momentsOfAll(x, axes, ranks);
  check(count > 1, () => ({ where, what: 'number of values per channel', got: count, expected: 'at least 2' }));
  const r = tf.tidy(() => tf.rsqrt(tf.add(variance, epsilon)));
  const normalize = tf.customGrad((...inputs) => {
    const [x, scale, offset] = inputs as unknown as [T, tf.Tensor1D, tf.Tensor1D];
    (inputs.at(-1) as tf.GradSaveFunc)([x, scale, mean, r]);
    const factor = tf.mul<tf.Tensor1D>(scale, r);
    return {
      value: scaleShift(x, factor, tf.sub(offset, tf.mul(mean, factor))),
      gradFunc: (dy: tf.Tensor, [x, scale, mean, r]: tf.Tensor[]) => {
        const centred = tf.sub(x!, mean!);
        const dOffset = tf.sum<tf.Tensor1D>(dy, axes);
        const dScale = tf.mul<tf.Tensor1D>(tf.sum(tf.mul(dy, centred), axes), r!);
        const [allOffset, allScale] = ranks.allReduce([dOffset, dScale], 'sum');
        const along = tf.mul(centred, tf.div(tf.mul(allScale!, r!), count));
        const dx = tf.mul(tf.sub(tf.sub(dy, tf.div(allOffset!, count)), along), tf.mul(scale!, r!));
        return [dx, dScale, dOffset];
      },
    };
  });
  const y = normalize(x, scale, offset) as tf.Tensor as T;
  r.dispose();
  return { y, mean, variance, count };
}

/** Mean and biased variance of each channel over all ranks. From moments of each: sums of squares would lose digits. */
function momentsOfAll(x: tf.Tensor, axes: number[], { allGather }: Collective) {
  const channels = x.shape.at(-1)!;
  const own = x.size / channels;
  const [counts, mean, variance] = tf.tidy(() => {
    const moments = tf.moments(x, axes);
    const all = allGather(
      tf.concat([tf.tensor1d([own]), moments.mean, moments.variance]).reshape([1, -1]) as tf.Tensor2D,
    );
    const [counts, means, variances] = tf.split(all, [1, channels, channels], 1);
    const shares = tf.div(counts!, tf.sum(counts!));
    const mean = tf.sum<tf.Tensor1D>(tf.mul(means!, shares), 0);
    const spread = tf.add(variances!, tf.square(tf.sub(means!, mean)));
    return [counts!, mean, tf.sum<tf.Tensor1D>(tf.mul(spread, shares), 0)] as const;
  });
  const count = counts.dataSync<'float32'>().reduce((sum, each) => sum + each, 0);
  counts.dispose();
  return { mean, variance, count };
}
