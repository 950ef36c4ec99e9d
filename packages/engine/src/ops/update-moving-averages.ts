import { check } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { registeredKernel } from '../backends/register.ts';
import { listed } from '../kernels/listed.ts';
import { checkLengths } from './check-lengths.ts';

const run = registeredKernel('movingAverages');

/**
 * Moves averages on by a value each: `average = kept * average + factor * value`.
 *
 * @param averages written
 * @param values one of each average's shape; stay the caller's
 * @param kept share of itself that an average keeps
 * @param factors of each value. Default: `1 - kept`
 * @throws ProtomemError, and changes nothing, when the lists or a pair's shapes differ
 *
 * @example
 * ```ts
 * const mean = tf.variable(tf.tensor1d([1]), false);
 * updateMovingAverages([mean], [tf.tensor1d([2])], 0.9); // 0.9 * 1 + 0.1 * 2 = 1.1
 * ```
 */
export function updateMovingAverages(
  averages: readonly tf.Variable[],
  values: readonly tf.Tensor[],
  kept: number,
  factors: readonly number[] = averages.map(() => 1 - kept),
): void {
  const where = 'updateMovingAverages';
  checkLengths(where, { values, factors }, averages.length, 'average');
  for (const [i, { shape }] of averages.entries()) {
    check(String(values[i]!.shape) === String(shape), () => ({
      where,
      what: `shape of value ${i}`,
      got: values[i]!.shape,
      expected: `[${shape.join(', ')}], that of its average`,
    }));
  }
  if (averages.length === 0) return;
  tf.tidy(() => {
    const next = run(listed({ averages, values }), { kept, factors });
    for (const [i, average] of averages.entries()) average.assign(next[i]!);
  });
}
