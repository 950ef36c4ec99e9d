import * as tf from '@tensorflow/tfjs';
import type { Sliding } from '../kernels/training-kernels.ts';

type Ends = [before: number, after: number];

/**
 * tfjs's name for `padding` zeros on every side of an image, and the zeros to put there first where it has none: its `same` may begin
 * a row later than the symmetric padding, whose last row is never reached then and is left out here.
 *
 * @param image `[B, H, W, C]`
 * @param kernel height and width, and whatever follows
 */
export function paddingOf(
  [, ...sides]: readonly [number, number, number, number],
  kernel: readonly number[],
  { stride, padding }: Sliding,
): { readonly pad: 'same' | 'valid'; readonly zeros?: Ends[] } {
  const needed = [0, 1].map((axis) => {
    const [side, taps] = [sides[axis]!, kernel[axis]!];
    const most = (results: number): number => Math.max((results - 1) * stride + taps - side, 0);
    const results = Math.floor((side + 2 * padding - taps) / stride) + 1;
    const same = Math.ceil(side / stride);
    const isSame = results === same && Math.floor(most(same) / 2) === padding;
    return { isSame, ends: [padding, Math.max(most(results) - padding, 0)] satisfies Ends };
  });
  if (padding === 0) return { pad: 'valid' };
  if (needed.every(({ isSame }) => isSame)) return { pad: 'same' };
  return { pad: 'valid', zeros: [[0, 0], ...needed.map(({ ends }): Ends => ends), [0, 0]] };
}

/**
 * `tf.conv2d` with `padding` zeros on every side of each image. Differentiable in both; where a padded copy is made, `x` is not kept
 * besides.
 *
 * @param x `[B, H, W, C]`, float32
 * @param filter `[h, w, C, outputs]`, float32
 * @param sliding `stride`: pixels from one result to the next
 * @returns `[B, floor((H + 2 padding - h) / stride) + 1, ..., outputs]`; the caller's
 *
 * @example
 * ```ts
 * paddedConv2d(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 1]), { stride: 2, padding: 1 }); // [[8, 12], [12, 18]]
 * ```
 */
export function paddedConv2d(x: tf.Tensor4D, filter: tf.Tensor4D, sliding: Sliding): tf.Tensor4D {
  const { pad: name, zeros } = paddingOf(x.shape, filter.shape, sliding);
  if (!zeros) return tf.conv2d(x, filter, sliding.stride, name);
  // Only tfjs-node has no gradient for explicit padding.
  if (!tf.getBackend().startsWith('tensorflow')) {
    return tf.conv2d(x, filter, sliding.stride, zeros as tf.backend_util.ExplicitPadding);
  }
  // tf.pad would keep x beside the result, which the convolution keeps.
  const pad = tf.customGrad((image) => ({
    value: tf.pad(image as tf.Tensor4D, zeros),
    gradFunc: (dy: tf.Tensor) =>
      tf.slice(
        dy,
        zeros.map(([before]) => before),
        x.shape,
      ),
  }));
  return tf.conv2d(pad(x) as tf.Tensor4D, filter, sliding.stride, name);
}
