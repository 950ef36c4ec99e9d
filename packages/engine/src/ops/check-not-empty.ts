import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';

/** Refuses a tensor without elements, such as a batch of no images: of its gradients each backend of tfjs makes something else. */
export function checkNotEmpty(where: string, what: string, { shape, size }: tf.Tensor): void {
  check(size > 0, () => ({
    where,
    what: `shape of ${what}`,
    got: shape,
    expected: 'one with elements: a batch of one or more',
  }));
}
