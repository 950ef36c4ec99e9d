import { check, type State } from '@protomem/core';
import type { CosineLoss, LossContext, SoftmaxForm, SoftmaxLoss, TargetTerms } from '@protomem/core/contracts';
import { MASKED_LOGIT, putElements, sparseSoftmaxCrossEntropy, stopGradient, takeElements } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** A form that wants to know which samples have their class among the columns; left out, all have. */
interface WatchfulForm extends SoftmaxForm {
  /** @param present bool `[B]` */
  target(cosines: tf.Tensor1D, context?: LossContext, present?: tf.Tensor1D): TargetTerms;
}

/**
 * Makes a loss of its {@link SoftmaxForm}: called with all cosines at once it evaluates the form as it is, and a memory
 * that finds `form` on it evaluates it over blocks of columns.
 *
 * A target of -1 says that the sample's class is not among the columns: its loss is 0, and so is its gradient.
 *
 * @param definition.name for logs and reports
 * @param definition.form what the loss is made of
 * @param definition.state with `restore`: what the loss remembers between steps, if anything
 *
 * @example
 * ```ts
 * const form = { target: (c: tf.Tensor1D) => ({ logit: tf.mul(c, 30) }), negative: 30 };
 * const plain = softmaxLoss({ name: 'plain', form });
 * const perSample = plain(cosines, targets); // [B, M] and int32 [B] -> [B]
 * ```
 */
export function softmaxLoss(definition: {
  readonly name: string;
  readonly form: WatchfulForm;
  readonly state?: () => State;
  readonly restore?: (state: State) => void;
}): SoftmaxLoss {
  const { name, form, state, restore } = definition;
  const { negative, combine } = form;
  const loss: CosineLoss = (cosines, targets, context) =>
    overPresent(name, cosines, targets, (at, present) => {
      const terms = form.target(takeElements(cosines, at), context, present);
      // The usual case, in one fused operation.
      if (typeof negative === 'number' && !combine) {
        return sparseSoftmaxCrossEntropy(putElements(tf.mul(cosines, negative), at, terms.logit), at);
      }
      const logits = typeof negative === 'number' ? tf.mul(cosines, negative) : negative(cosines, terms);
      const others = putElements(logits as tf.Tensor2D, at, tf.fill([at.size], MASKED_LOGIT));
      const negatives: tf.Tensor1D = tf.logSumExp(others, 1);
      return combine ? combine(terms, negatives) : tf.softplus(tf.sub(negatives, terms.logit));
    });
  return withProperties(loss, { name, form, ...(state && { state }), ...(restore && { restore }) }) as SoftmaxLoss;
}

/** A function with properties, `name` among them, which cannot be assigned, only defined. */
export function withProperties<F extends CosineLoss, P extends object>(loss: F, properties: P): F & P {
  return Object.defineProperties(
    loss,
    Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, { value, enumerable: true }])),
  ) as F & P;
}

/**
 * Checks the arguments of a loss, and evaluates it where samples have a target: the loss of the others is 0.
 *
 * @param evaluate is given targets that are all columns, the first one for a sample without, and who has one
 */
export function overPresent(
  where: string,
  cosines: tf.Tensor2D,
  targets: tf.Tensor1D,
  evaluate: (at: tf.Tensor1D, present: tf.Tensor1D) => tf.Tensor1D,
): tf.Tensor1D {
  check(cosines.rank === 2, () => ({ where, what: 'shape of cosines', got: cosines.shape, expected: '[B, M]' }));
  check(targets.rank === 1 && targets.shape[0] === cosines.shape[0], () => ({
    where,
    what: 'shape of targets',
    got: targets.shape,
    expected: `[${cosines.shape[0]}], one column for each row of cosines`,
  }));
  check(targets.dtype === 'int32', () => ({ where, what: 'dtype of targets', got: targets.dtype, expected: 'int32' }));
  return tf.tidy(() => {
    const present = stopGradient(tf.greaterEqual(targets, 0)) as tf.Tensor1D;
    const losses = evaluate(tf.maximum(targets, tf.scalar(0, 'int32')), present);
    return tf.where(present, losses, tf.zerosLike(losses)) as tf.Tensor1D;
  });
}
