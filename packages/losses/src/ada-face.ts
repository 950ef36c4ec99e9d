import { option, part, type State } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import { stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { angleOf } from './angles.ts';
import { savedNumber } from './curricular-face.ts';
import { needNorms } from './need-norms.ts';
import { scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

const LEAST_ANGLE = 1e-3;

/**
 * AdaFace: a margin that follows the image's quality, for which the embedding's length stands. With
 * `g = clip(h (|x| - mean) / (deviation + 0.001), -1, 1)`: `cos(t - m g) - (m + m g)` in place of `cos(t)` at a sample's
 * own class, the angle held in [0.001, pi - 0.001]. g carries no gradient. Lengths are first clipped to [0.001, 100].
 *
 * Needs the lengths of the embeddings, which every head tells. Mean and deviation (with n - 1) run from 20 and 100; they
 * are updated when the loss is evaluated, before they are used, by all images of the batch, also those whose class is
 * absent, and saved by `state()`.
 *
 * Source: Kim et al., "AdaFace: Quality Adaptive Margin", CVPR 2022, equations 8 to 12, and its authors' code, also for
 * the defaults; the class there has a momentum of 1, its training 0.01. That code first holds all cosines within 0.999 of 0, where their gradient ends; this one does not, and is
 * the same within. One image alone has no deviation: here 0, there NaN. CVLface, their later library, does not hold the angle, and takes the margin
 * outside of autograd.
 *
 * @throws ProtomemError when an option is out of its range, or a call has no context
 *
 * @example
 * ```ts
 * const perSample = adaFace()(cosines, targets, { norms }); // norms [B]
 * ```
 */
export const adaFace = part(
  'adaFace',
  {
    scale: scale(64),
    margin: option.number({ help: 'The margin, m.', min: 0, max: 1, default: 0.4 }),
    concentration: option.number({
      help: 'How much of the spread of lengths counts, h.',
      min: 0,
      max: 100,
      default: 0.333,
    }),
    momentum: option.number({
      help: "Share of a batch in the running mean and deviation of the lengths; 1: the batch's own.",
      min: 0,
      max: 1,
      default: 0.01,
    }),
  },
  ({ scale, margin, concentration, momentum }): SoftmaxLoss => {
    let [mean, deviation] = [20, 100];
    return softmaxLoss({
      name: 'ada-face',
      form: {
        target: (c, context) => {
          const norms = stopGradient(needNorms('adaFace', context));
          const lengths = tf.clipByValue(norms, 0.001, 100);
          // A batch that is no number is refused further on, and leaves no trace; clipped, it may look like one.
          if (norms.dataSync().every(Number.isFinite)) {
            const { mean: batchMean, deviation: batchDeviation } = moments(lengths.dataSync());
            mean = momentum * batchMean + (1 - momentum) * mean;
            deviation = momentum * batchDeviation + (1 - momentum) * deviation;
          }
          const g = tf.clipByValue(tf.mul(tf.sub(lengths, mean), concentration / (deviation + 1e-3)), -1, 1);
          const angle = tf.clipByValue(tf.sub(angleOf(c), tf.mul(g, margin)), LEAST_ANGLE, Math.PI - LEAST_ANGLE);
          const met = tf.sub(tf.cos(angle), tf.mul(tf.add(g, 1), margin));
          return { logit: tf.mul(met, scale) as tf.Tensor1D };
        },
        negative: scale,
      },
      state: () => ({ values: { mean, deviation }, tensors: {} }),
      restore: ({ values }: State) => {
        const saved = ['mean', 'deviation'].map((key) => savedNumber('adaFace.restore', values, key));
        [mean, deviation] = saved as [number, number];
      },
    });
  },
);

function moments(values: ArrayLike<number>): { mean: number; deviation: number } {
  const all = Array.from(values);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const squares = all.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  // One image alone has no spread.
  return { mean, deviation: all.length > 1 ? Math.sqrt(squares / (all.length - 1)) : 0 };
}
