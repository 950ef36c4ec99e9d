import { check } from '@protomem/core';
import type * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import { checkNotEmpty } from './check-not-empty.ts';

const run = registeredKernel('attention');

/**
 * `softmax(q k^T / sqrt(d)) v` of each head: every token of an image sees all of it. For the gradient nothing but `qkv` is kept,
 * the weights are computed again. Differentiable.
 *
 * @param qkv `[B, N, 3 C]`, float32: queries, keys and values side by side, in each of them one head after the other
 * @param heads how many; `d = C / heads`
 * @returns `[B, N, C]`; the caller's
 * @throws ProtomemError when the last axis is not three times as many channels for each head, or `qkv` is empty
 *
 * @example
 * ```ts
 * attention(tf.ones([1, 5, 3 * 4]), 2); // ones, [1, 5, 4]: all tokens are alike
 * ```
 *
 * Source: Vaswani et al., "Attention Is All You Need", arXiv:1706.03762, section 3.2.
 */
export function attention(qkv: tf.Tensor3D, heads: number): tf.Tensor3D {
  check(qkv.rank === 3 && Number.isInteger(heads) && heads > 0 && qkv.shape[2] % (3 * heads) === 0, () => ({
    where: 'attention',
    what: 'shape of qkv',
    got: qkv.shape,
    expected: `[images, tokens, a multiple of 3 * ${heads} heads]`,
  }));
  checkNotEmpty('attention', 'qkv', qkv);
  return run({ qkv }, { heads });
}
