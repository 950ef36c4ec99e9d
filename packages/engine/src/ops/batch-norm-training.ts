import { check, number } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import type { OutputsOf } from '../kernels/training-kernels.ts';
import { checkChannels } from './check-channels.ts';

const plain = registeredKernel('batchNormTraining');
const activated = registeredKernel('batchNormPreluTraining');

/** What {@link batchNormTraining} returns. The caller owns the tensors. */
export interface BatchNormTrainingResult<T extends tf.Tensor = tf.Tensor> {
  /** Normalized input, the shape of `x`. */
  readonly y: T;
  /** Mean of each channel over the batch, `[C]`. */
  readonly mean: tf.Tensor1D;
  /** Biased variance (divided by `count`) of each channel over the batch, `[C]`. */
  readonly variance: tf.Tensor1D;
  /** Values per channel, `B` or `B*H*W`: `variance * count / (count - 1)` is the unbiased variance. */
  readonly count: number;
}

/**
 * Batch normalization in training mode, in one kernel where the backend has one:
 * `y = scale * (x - mean) / sqrt(variance + epsilon) + offset` with mean and biased variance of this batch,
 * per channel, over all axes but the last. Differentiable in `x`, `scale` and `offset`; the two moments are statistics
 * through which no gradient flows.
 *
 * PyTorch keeps the *unbiased* variance in its running statistics: scale `variance` by `count / (count - 1)` for those.
 *
 * @param x `[B, C]` or `[B, H, W, C]`, float32, with at least two values per channel
 * @param scale `[C]`, float32
 * @param offset `[C]`, float32
 * @param epsilon added to the variance; 1e-5
 * @throws ProtomemError on other shapes, and on a single value per channel, which has no variance
 *
 * @example
 * ```ts
 * const { y, mean, variance, count } = batchNormTraining(x, tf.ones([64]), tf.zeros([64]));
 * ```
 *
 * Source: S. Ioffe, C. Szegedy, "Batch Normalization", ICML 2015, algorithm 1.
 */
export function batchNormTraining<T extends tf.Tensor2D | tf.Tensor4D>(
  x: T,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon = 1e-5,
): BatchNormTrainingResult<T> {
  const perChannel = { scale, offset };
  const run = (image: tf.Tensor4D) => plain({ x: image, ...perChannel }, { epsilon });
  return normalize('batchNormTraining', x, perChannel, epsilon, run);
}

/**
 * `prelu(batchNormTraining(x, scale, offset).y, alpha)` in less memory: for the gradient only `x` is kept, and the
 * normalized values are computed again from it, at the cost of one more pass over them. Differentiable in `alpha` too.
 *
 * @param x as {@link batchNormTraining}'s, and so are `scale`, `offset` and `epsilon`
 * @param alpha slopes of the negative side, `[C]`, float32
 * @throws ProtomemError as {@link batchNormTraining} does, and when `alpha` is not `[C]`
 *
 * @example
 * ```ts
 * const { y } = batchNormPreluTraining(x, tf.ones([64]), tf.zeros([64]), tf.fill([64], 0.25));
 * ```
 *
 * Source: the idea is that of S. Rota Bulo et al., "In-Place Activated BatchNorm", CVPR 2018, which computes `x` from the
 * result instead, and so needs slopes above 0.
 */
export function batchNormPreluTraining<T extends tf.Tensor2D | tf.Tensor4D>(
  x: T,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  alpha: tf.Tensor1D,
  epsilon = 1e-5,
): BatchNormTrainingResult<T> {
  const perChannel = { scale, offset, alpha };
  const run = (image: tf.Tensor4D) => activated({ x: image, ...perChannel }, { epsilon });
  return normalize('batchNormPreluTraining', x, perChannel, epsilon, run);
}

function normalize<T extends tf.Tensor2D | tf.Tensor4D>(
  where: string,
  x: T,
  perChannel: Readonly<Record<string, tf.Tensor1D>>,
  epsilon: number,
  run: (image: tf.Tensor4D) => OutputsOf<'batchNormTraining'>,
): BatchNormTrainingResult<T> {
  check(x.rank === 2 || x.rank === 4, () => ({ where, what: 'x', got: x.shape, expected: '[B, C] or [B, H, W, C]' }));
  const channels = x.shape[x.rank - 1]!;
  checkChannels(where, x, perChannel);
  number(where, 'epsilon', epsilon, 0, 1);
  const count = x.shape.slice(0, -1).reduce((product, n) => product * n, 1);
  check(count > 1, () => ({
    where,
    what: 'number of values per channel',
    got: count,
    expected: 'at least 2',
    fix: 'Give the batch more images: one value has no variance.',
  }));

  // Kernels take images. A reshape that changes nothing would keep the result for its gradient.
  const flat = x.rank === 2;
  const image = (flat ? tf.reshape(x, [x.shape[0]!, 1, 1, channels]) : x) as tf.Tensor4D;
  const [y, mean, variance, ...reserve] = run(image);
  const result = (flat ? tf.reshape(y, x.shape) : y) as tf.Tensor as T;
  tf.dispose(flat ? [...reserve, image, y] : reserve);
  return { y: result, mean, variance, count };
}
