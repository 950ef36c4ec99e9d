import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';
import type { Sliding } from '../kernels/training-kernels.ts';
import { checkNotEmpty } from './check-not-empty.ts';

/**
 * Throws unless kernels fit images, one or more.
 *
 * @param outputs of a kernel, the last axis of `filter`; undefined for any number
 * @returns stride and padding, 1 and 0 where they are not given
 */
export function checkConvolution(
  where: string,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  outputs: number | undefined,
  { stride = 1, padding = 0 }: Partial<Sliding>,
): Sliding {
  const { rank, shape } = x;
  check(rank === 4, () => ({ where, what: 'shape of x', got: shape, expected: '[images, height, width, channels]' }));
  checkNotEmpty(where, 'x', x);
  const [high, wide, channels, last] = filter.shape;
  const isOf = channels === shape[3] && (outputs === undefined || last === outputs);
  check(filter.rank === 4 && high > 0 && wide > 0 && isOf, () => ({
    where,
    what: 'shape of filter',
    got: filter.shape,
    expected: `[height, width, ${shape[3]}, ${outputs ?? 'outputs'}]`,
  }));
  check(Number.isInteger(stride) && stride > 0, () => ({
    where,
    what: 'stride',
    got: stride,
    expected: 'an integer >= 1',
  }));
  const least = Math.ceil(Math.max(high - shape[1], wide - shape[2], 0) / 2);
  const most = Math.min(high, wide) - 1;
  check(Number.isInteger(padding) && padding >= least && padding <= most, () => ({
    where,
    what: 'padding',
    got: padding,
    expected: `an integer in [${least}, ${most}], for kernels of ${high}x${wide} and images of ${shape[1]}x${shape[2]}`,
  }));
  return { stride, padding };
}
