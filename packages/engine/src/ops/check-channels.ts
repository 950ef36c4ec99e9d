import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';

/** Throws unless each of the tensors has one value for each channel (last axis) of `x`. */
export function checkChannels(where: string, x: tf.Tensor, perChannel: Readonly<Record<string, tf.Tensor>>): void {
  const channels = x.shape[x.rank - 1];
  for (const [what, tensor] of Object.entries(perChannel)) {
    check(tensor.rank === 1 && tensor.size === channels, () => ({
      where,
      what: `shape of ${what}`,
      got: tensor.shape,
      expected: `[${channels}], a value for each channel of x ${JSON.stringify(x.shape)}`,
    }));
  }
}
