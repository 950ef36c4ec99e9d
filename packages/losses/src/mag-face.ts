import { number, option, part } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { arcMargin } from './angles.ts';
import { needNorms } from './need-norms.ts';
import { scale } from './shared-options.ts';
import { softmaxLoss } from './softmax-loss.ts';

/**
 * MagFace: ArcFace with a margin that grows with the embedding's length `a`, held in [l_a, u_a]:
 * `m(a) = l_m + (u_m - l_m) (a - l_a) / (u_a - l_a)`; and a term `lambda (a / u_a² + 1 / a)` that rewards length. Both
 * have a gradient to the length, within those bounds.
 *
 * Needs the lengths of the embeddings, which every head tells.
 *
 * Source: Meng et al., "MagFace", CVPR 2021, equations 3 to 5; constants of FaceX-Zoo, its scale as in its configuration
 * (the class's own default is 32). Beyond 90 degrees from its class a sample has no margin in the authors' code; nor has
 * it in FaceX-Zoo's beyond `pi - m(a)`; here it has ArcFace's, whose gradient to the length does not end.
 *
 * @throws ProtomemError when an option is out of its range, or a call has no context
 *
 * @example
 * ```ts
 * const perSample = magFace()(cosines, targets, { norms }); // norms [B]
 * ```
 */
export const magFace = part(
  'magFace',
  {
    scale: scale(64),
    lengths: option.numbers({
      help: 'Between which lengths are held, l_a and u_a.',
      length: 2,
      min: 1e-3,
      max: 1e6,
      default: [10, 110],
    }),
    margins: option.numbers({
      help: 'The margins at those lengths, radians, l_m and u_m.',
      length: 2,
      min: 0,
      max: Math.PI,
      default: [0.45, 0.8],
    }),
    regularizer: option.number({
      help: 'Weight of the term that draws lengths to u_a, lambda.',
      min: 0,
      max: 1e6,
      default: 20,
    }),
  },
  ({ scale, lengths, margins, regularizer }): SoftmaxLoss => {
    const [low, high] = lengths as [number, number];
    const [least, most] = margins as [number, number];
    const slope = (most - least) / (high - low);
    return softmaxLoss({
      name: 'mag-face',
      form: {
        target: (c, context) => {
          const a = tf.clipByValue(needNorms('magFace', context), low, high);
          const margin: tf.Tensor1D = tf.add(tf.mul(tf.sub(a, low), slope), least);
          const pull: tf.Tensor1D = tf.mul(tf.add(tf.div(a, high ** 2), tf.reciprocal(a)), regularizer);
          return { logit: tf.mul(arcMargin(c, margin), scale), values: [pull] };
        },
        negative: scale,
        combine: ({ logit, values }, negatives) => tf.add(tf.softplus(tf.sub(negatives, logit)), values![0]!),
      },
    });
  },
  ({ lengths, margins }) => {
    number('magFace', 'lengths[1]', lengths[1]!, lengths[0]! * (1 + 1e-6), 1e6);
    number('magFace', 'margins[1]', margins[1]!, margins[0]!, Math.PI);
  },
);
