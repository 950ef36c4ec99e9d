import { check, type OptionsOf, option, readOptions } from '@protomem/core';
import type { SoftmaxLoss } from '@protomem/core/contracts';
import { MASKED_LOGIT } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { above } from './angles.ts';
import { softmaxLoss } from './softmax-loss.ts';

const options = {
  threshold: option.number({
    help: 'Other classes with a higher cosine leave the softmax.',
    ...{ min: -1, max: 1, default: 0.4 },
  }),
};

export type InterClassFilterOptions = OptionsOf<typeof options>;

/**
 * A loss without its suspicious other classes: whoever is nearer than `threshold` may be the same person under another
 * label, and is not pushed away.
 *
 * Source: InsightFace's `interclass_filtering_threshold` (Partial FC, CVPR 2022), constant of its WebFace12M recipe.
 * There a filtered class keeps a logit of 0, and so a place in the sum; here it leaves.
 *
 * @param loss any loss with a form
 * @throws ProtomemError when the loss has no form, or the threshold is out of its range
 *
 * @example
 * ```ts
 * const perSample = interClassFilter(cosFace(), { threshold: 0.4 })(cosines, targets);
 * ```
 */
export function interClassFilter(loss: SoftmaxLoss, given: InterClassFilterOptions = {}): SoftmaxLoss {
  const { threshold } = readOptions('interClassFilter', options, given);
  check(loss.form !== undefined, () => ({
    where: 'interClassFilter',
    what: 'loss',
    got: loss.name || 'a function without a name',
    expected: 'one with a `form`, whose sum of other classes some can leave',
    fix: 'Take a softmax loss such as cosFace.',
  }));
  const { negative } = loss.form;
  return softmaxLoss({
    name: `interClassFilter(${loss.name})`,
    form: {
      ...loss.form,
      negative: (c, terms) => {
        const logits = typeof negative === 'number' ? tf.mul(c, negative) : negative(c, terms);
        return tf.add(logits, tf.mul(above(c, threshold), MASKED_LOGIT));
      },
    },
    state: loss.state?.bind(loss),
    restore: loss.restore?.bind(loss),
  });
}
