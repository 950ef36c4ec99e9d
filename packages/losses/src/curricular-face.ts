import { option, ProtomemError, part, type State } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { above, arcMargin, column, shiftedCosine } from './angles.ts';
import { angularMargin, scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

/**
 * CurricularFace: hard classes, those whose cosine exceeds `cos(t_y + m)`, count as `c (u + c)` in place of `c`, where u
 * is the running mean of the target cosines: easy classes lead at first, hard ones later. The target is ArcFace's.
 *
 * u is updated when the loss is evaluated, before it is used, by the samples whose class is among the columns, and saved
 * by `state()`. The cosines are read from the device once each time.
 *
 * Source: Huang et al., "CurricularFace", CVPR 2020, and its authors' code.
 *
 * @throws ProtomemError when an option is out of its range
 *
 * @example
 * ```ts
 * const perSample = curricularFace()(cosines, targets);
 * ```
 */
export const curricularFace = part(
  'curricularFace',
  {
    scale: scale(64),
    margin: angularMargin(0.5),
    momentum: option.number({
      help: 'Share of a batch in the running mean of the target cosines.',
      min: 0,
      max: 1,
      default: 0.01,
    }),
  },
  ({ scale, margin, momentum }): SoftmaxLoss => {
    let progress = 0;
    return softmaxLoss({
      name: 'curricular-face',
      form: {
        target: (c, _, present) => {
          const here = present?.dataSync();
          const own = Array.from(c.dataSync()).filter((_, i) => here?.[i] ?? true);
          const mean = own.reduce((sum, v) => sum + v, 0) / own.length;
          // Of nobody, or of a batch that is no number, nothing is learnt.
          if (Number.isFinite(mean)) progress = momentum * mean + (1 - momentum) * progress;
          const met = shiftedCosine(c, margin);
          return { logit: tf.mul(arcMargin(c, margin), scale), values: [met] };
        },
        negative: (c, { values }) => {
          const more = tf.mul(above(c, column(values![0]!)), tf.mul(c, tf.sub(tf.add(c, progress), 1)));
          return tf.mul(tf.add(c, more), scale);
        },
      },
      state: () => ({ values: { progress }, tensors: {} }),
      restore: ({ values }: State) => {
        progress = savedNumber('curricularFace.restore', values, 'progress');
      },
    });
  },
);

/** A finite number out of a saved state. */
export function savedNumber(where: string, values: State['values'], key: string): number {
  const value = values[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new ProtomemError({ where, what: key, got: value ?? 'missing', expected: 'a finite number' });
}
